"Faults that a notebook cannot hold: a process that is killed, and results that must survive it."

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import torch

from compressed_ad.checkpoints import Checkpoints, load_checkpoint
from compressed_ad.files import read_json

STUDY = textwrap.dedent("""
    from compressed_ad.config import make_config
    from compressed_ad.studies import Entry, Measurement, RunEvaluation, Study
    settings = dict(
        task_family_arguments={"size": 5, "horizon": 10}, n_held_out_tasks=4, n_streams=10, history_steps=90,
        decoder_max_seq_length=15, n_latent=4, tf_n_embd=16, tf_n_layer=2, tf_n_head=2, encoder_n_layer=1,
        encoder_n_head=2,
        min_compression_depth=6, max_compression_depth=6, min_compress_length=2, max_compress_length=11,
        segment_lengths="random_first", min_uncompressed_length=10, max_uncompressed_length=10,
        plans_per_batch=2,
        action_noise=0.1, train_batch_size=8, train_timesteps=200, lr=3e-3, warmup_steps=10, log_every=5,
        checkpoint_every=7, evaluation_streams=2, evaluation_episodes=12, device="cpu")

    def study():
        entry = Entry("DarkRoom", "CompressedAD", make_config(settings), [RunEvaluation()])
        return Study("one", [entry], (0,))

    def endless():
        config = make_config(dict(
            task_family_arguments={"size": 3, "horizon": 6}, n_held_out_tasks=2, n_streams=8,
            history_steps=40, model="AD", decoder_max_seq_length=9, tf_n_embd=16, tf_n_layer=1, tf_n_head=1,
            train_batch_size=8, train_timesteps=1_000_000, checkpoint_every=5, device="cpu"))
        measured = [Measurement("normalised_return")]
        entries = [Entry("DarkRoom", "AD", config.changed(lr=lr), measured, {"lr": lr})
                   for lr in (1e-4, 2e-4)]
        return Study("endless", entries, (0,))
""")
PROGRAM = (
    "import sys; from compressed_ad.cli import run_command; sys.exit(run_command('study', sys.argv[1:]))"
)


def start(folder: Path, name: str = "study", *options: str) -> subprocess.Popen:
    path = folder / "interrupted_study.py"
    path.write_text(STUDY, encoding="utf-8")
    arguments = [f"{path}:{name}", "--folder", str(folder), "--quiet", *options]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(folder: Path) -> None:
    process = start(folder)
    assert process.wait(timeout=300) == 0, process.stderr.read()[-2000:]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    finish(folder)
    return folder


def outcome(folder: Path):
    "Weights, losses, returns and rows of the finished study."
    [place] = folder.glob("DarkRoom-*")
    tensors, about = load_checkpoint(Checkpoints(place / "checkpoints").latest())
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith("model.")}
    losses = [line["loss"] for line in about["log"]]
    [returns] = place.glob("evaluations/*/short.json")
    return weights, losses, read_json(returns)["returns"], read_json(folder / "record.json")["rows"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_stopped_study_goes_on_to_the_same_result(uninterrupted, tmp_path, how):
    process = start(tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("*/checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait(timeout=60) != 0, "the study was over before it could be stopped"
    [place] = tmp_path.glob("DarkRoom-*")
    assert 0 < Checkpoints(place / "checkpoints").steps()[-1] < 200
    finish(tmp_path)
    (weights, *rest), (weights2, *rest2) = outcome(uninterrupted), outcome(tmp_path)
    assert rest == rest2
    assert all(torch.equal(weights[name], weights2[name]) for name in weights)


def test_histories_are_the_same_byte_for_byte_in_another_process(uninterrupted, tmp_path):
    process = start(tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("histories-*.h5")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    [ours], [theirs] = tmp_path.glob("histories-*.h5"), uninterrupted.glob("histories-*.h5")
    assert ours.name == theirs.name and ours.read_bytes() == theirs.read_bytes()


def test_a_damaged_file_is_reported_in_one_line_and_left_alone(uninterrupted, tmp_path):
    [whole] = uninterrupted.glob("histories-*.h5")
    damaged = tmp_path / whole.name
    damaged.write_bytes(whole.read_bytes()[:-1000])
    before = damaged.read_bytes()
    process = start(tmp_path)
    assert process.wait(timeout=120) == 1
    said = process.stderr.read().strip().splitlines()
    assert len(said) == 1 and f"{whole.name}: cannot be read as HDF5" in said[0], said
    assert damaged.read_bytes() == before and not list(tmp_path.glob("DarkRoom-*"))


def test_no_room_for_a_file_leaves_the_old_one(tmp_path, uninterrupted):
    "The operating system refuses to write more than 20 KB, as a full disk would refuse."
    path = tmp_path / "histories.h5"
    [whole] = uninterrupted.glob("histories-*.h5")
    path.write_bytes(whole.read_bytes())
    before = path.read_bytes()
    program = textwrap.dedent("""
        import resource, signal, sys
        from compressed_ad.storage import load_histories, save_histories
        histories = load_histories(sys.argv[1])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            save_histories(histories, sys.argv[1])
        except OSError:
            sys.exit(7)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 7, f"{done.returncode}: {done.stderr}"
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["histories.h5"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["interrupted", "terminated"])
def test_a_study_that_is_stopped_stops_all_that_it_started(tmp_path, how):
    process = start(tmp_path, "endless", "--jobs", "2")
    started = []
    try:
        deadline = time.monotonic() + 240
        while (
            len({path.parent for path in tmp_path.glob("*/checkpoints/step-*")}) < 2
            and time.monotonic() < deadline
        ):
            assert process.poll() is None, process.stderr.read()[-2000:]
            time.sleep(0.05)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 2, "two runs at a time are two processes"
        process.send_signal(how)
        assert process.wait(timeout=60) == 130
        assert "the same command goes on from there" in process.stderr.read()
        _, left = psutil.wait_procs(started, timeout=30)
        assert not [child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    finally:  # these runs never end by themselves
        if process.poll() is None:
            started = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        for child in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait()
