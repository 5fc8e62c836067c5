"Runs as programs: killed, interrupted, out of room, two at once, several processes together."

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from compressed_ad.config import make_config
from compressed_ad.storage import load_histories
from compressed_ad.runs import RunFolder, read_metrics
from compressed_ad.checkpoints import load_checkpoint

SETTINGS = dict(
    task_family_arguments={"size": 5, "horizon": 10},
    n_held_out_tasks=4,
    n_streams=400,
    history_steps=90,
    decoder_max_seq_length=15,
    n_latent=4,
    tf_n_embd=16,
    tf_n_layer=2,
    tf_n_head=2,
    encoder_n_layer=1,
    encoder_n_head=2,
    min_compression_depth=0,
    max_compression_depth=6,
    min_compress_length=2,
    max_compress_length=11,
    segment_lengths="random_first",
    min_uncompressed_length=10,
    max_uncompressed_length=10,
    plans_per_batch=2,
    action_noise=0.1,
    train_batch_size=8,
    train_timesteps=150,
    lr=3e-3,
    warmup_steps=10,
    log_every=5,
    checkpoint_every=7,
    evaluate_every=50,
    evaluation_streams=2,
    evaluation_episodes=12,
    device="cpu",
)
COMMANDS = Path(sys.executable).parent


def write_settings(place: Path, **changes) -> Path:
    path = place / "mine.yaml"
    path.write_text(yaml.safe_dump(SETTINGS | {"run_folder": str(place / "run")} | changes))
    return path


def start(name: str, *arguments, **how) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [COMMANDS / f"cad-{name}", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def finish(process: subprocess.Popen, status: int = 0) -> tuple[str, str]:
    output, errors = process.communicate(timeout=300)
    assert process.returncode == status, f"{process.returncode}: {errors[-3000:]}"
    return output, errors


def outcome(folder: Path):
    "Parameters, averages of the optimiser, log and histories of a finished run."
    tensors, about = load_checkpoint(folder / "checkpoints" / "step-00000150.safetensors")
    log = [
        {name: value for name, value in line.items() if name != "seconds"} for line in read_metrics(folder)
    ]
    assert about["step"] == 150 and not list(folder.rglob("*.tmp")) and not list(folder.rglob("*.parts"))
    return tensors, log, (folder / "histories.h5").read_bytes()


def same(ours, theirs) -> bool:
    return (
        ours[1:] == theirs[1:]
        and ours[0].keys() == theirs[0].keys()
        and all(torch.equal(ours[0][name], theirs[0][name]) for name in ours[0])
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("uninterrupted")
    finish(start("train", "--config", write_settings(place), "--quiet"))
    return place / "run"


# The program forks a child for each attempt, so that nothing is imported twice, and kills it: after a random
# time, or inside a write, which a child does to itself.
KILLER = textwrap.dedent("""
    import json, os, pathlib, signal, sys, time
    import numpy as np
    import torch, tensorboard, torch.utils.tensorboard
    torch.set_num_threads(1)
    from compressed_ad.cli import run_command

    arguments, random, said = sys.argv[1:], np.random.default_rng(0), []

    def kill_at_write(number, part):
        "Die in the write of that number: before the file gets its name, or when half of it is written."
        count, replace = [0], os.replace
        def dying(source, target):
            count[0] += 1
            if count[0] == number:
                if part == "half":
                    whole = pathlib.Path(source).read_bytes()
                    pathlib.Path(source).write_bytes(whole[:len(whole) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            replace(source, target)
        os.replace = dying

    # config, environment, then the parts of the histories, the file of histories, metrics, checkpoints
    writes = [(3, "half"), (4, "whole"), (4, "half"), (5, "half"), (5, "whole"), (6, "half")]
    plans = [("write", number, part) for number, part in writes]
    plans += [("time", float(seconds), "") for seconds in random.uniform(0.05, 1.5, 14)]
    order = [*plans[:2], *[plans[i] for i in 2 + random.permutation(len(plans) - 2)]]
    for kind, moment, part in order:
        child = os.fork()
        if not child:
            if kind == "write":
                kill_at_write(moment, part)
            os._exit(run_command("train", arguments))
        if kind == "time":
            time.sleep(moment)
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        killed = os.WIFSIGNALED(status)
        said.append([kind, moment, part, killed, None if killed else os.WEXITSTATUS(status)])
    print(json.dumps(said))
""")


def test_killed_at_twenty_moments_a_run_ends_as_if_nothing_had_happened(uninterrupted, tmp_path):
    path = write_settings(tmp_path)
    killer = subprocess.run(
        [sys.executable, "-c", KILLER, "--config", str(path), "--quiet"],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert killer.returncode == 0, killer.stderr[-3000:]
    attempts = json.loads(killer.stdout.splitlines()[-1])
    assert len(attempts) == 20 and sum(killed for *_, killed, _ in attempts) >= 15, attempts
    assert all(killed or status == 0 for *_, killed, status in attempts), attempts
    finish(start("train", "--config", path, "--quiet"))
    assert same(outcome(uninterrupted), outcome(tmp_path / "run"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_an_interrupt_saves_the_step_and_says_how_to_go_on(uninterrupted, tmp_path, how):
    path = write_settings(tmp_path)
    process, deadline = start("train", "--config", path, "--quiet"), time.monotonic() + 120
    while not list((tmp_path / "run").glob("checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(how)
    errors = finish(process, 130)[1]
    assert errors.strip().endswith(
        "interrupted; what was finished is saved, and the same command goes on from there"
    )
    run = RunFolder(make_config(SETTINGS), tmp_path / "run")
    assert 0 < run.checkpoints.steps()[-1] < 150
    finish(start("train", "--config", path, "--quiet"))
    assert same(outcome(uninterrupted), outcome(run.folder))


def test_the_second_run_in_a_folder_is_refused(tmp_path):
    path = write_settings(tmp_path, train_timesteps=100_000)
    first, deadline = start("train", "--config", path, "--quiet"), time.monotonic() + 120
    while not list((tmp_path / "run").glob("checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    errors = finish(start("train", "--config", path, "--quiet"), 1)[1]
    assert (
        len(errors.strip().splitlines()) == 1
        and f"process {first.pid} on" in errors
        and "wait until it ends" in errors
    )
    first.send_signal(signal.SIGINT)
    finish(first, 130)


def test_no_room_is_reported_and_nothing_is_lost(uninterrupted, tmp_path):
    "The operating system refuses to write more than 100 KB into a file, as a full disk would."
    path = write_settings(tmp_path)
    process, deadline = start("train", "--config", path, "--quiet"), time.monotonic() + 120
    while not list((tmp_path / "run").glob("checkpoints/step-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    finish(process, 130)
    before = {file: file.read_bytes() for file in (tmp_path / "run" / "checkpoints").iterdir()}
    program = textwrap.dedent("""
        import resource, signal, sys
        from compressed_ad.cli import run_command
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        sys.exit(run_command(sys.argv[1], sys.argv[2:]))
    """)
    for name, more in (("train", []), ("collect", ["--run_folder", str(tmp_path / "elsewhere")])):
        done = subprocess.run(
            [sys.executable, "-c", program, name, "--config", str(path), "--quiet", *more],
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = done.stderr.strip().splitlines()
        assert (
            done.returncode == 1
            and "File too large; what was written before is whole" in said[-1]
            and len(said) == 1
        ), done.stderr
    assert not list((tmp_path / "elsewhere").rglob("*.h5"))
    assert before == {file: file.read_bytes() for file in (tmp_path / "run" / "checkpoints").iterdir()}
    finish(start("train", "--config", path, "--quiet"))
    assert same(outcome(uninterrupted), outcome(tmp_path / "run"))


@pytest.mark.parametrize("model", ["CompressedAD", "AD"])
def test_two_processes_follow_one(tmp_path, model):
    changes = dict(train_timesteps=50, log_every=1, evaluate_every=25, n_streams=20, model=model)
    logs = []
    for name, command in (
        ("one", [COMMANDS / "cad-train"]),
        (
            "two",
            [
                COMMANDS / "accelerate",
                "launch",
                "--cpu",
                "--num_processes",
                "2",
                "--main_process_port",
                "0",
                COMMANDS / "cad-train",
            ],
        ),
    ):
        path = write_settings(
            tmp_path,
            run_folder=str(tmp_path / name),
            histories_file=str(tmp_path / "histories.h5"),
            **changes,
        )
        if name == "one":
            finish(start("collect", "--config", path, "--quiet"))
        done = subprocess.run(
            [*map(str, command), "--config", str(path), "--quiet"],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        logs.append(read_metrics(tmp_path / name))
    one, two = ([line["loss"] for line in log if "loss" in line] for log in logs)
    assert len(one) == len(two) == 50 and np.abs(np.subtract(one, two)).max() < 1e-5, np.abs(
        np.subtract(one, two)
    ).max()
    assert [line["targets"] for line in logs[0] if "loss" in line] == [
        line["targets"] for line in logs[1] if "loss" in line
    ]
    assert one[-1] < one[0] and load_histories(tmp_path / "histories.h5").n_steps == 90
