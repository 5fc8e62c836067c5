"Studies: many runs over the same folders as the commands, one record, on one machine or on a cluster."

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
import yaml
from gymnasium.wrappers.vector import TransformReward

from compressed_ad import runs as runs_module
from compressed_ad import trainer as trainer_module
from compressed_ad.checkpoints import load_checkpoint
from compressed_ad.cli import run_command
from compressed_ad.config import make_config
from compressed_ad.evaluation import Evaluation
from compressed_ad.files import CompressedADError, read_json
from compressed_ad.reports import runs_report
from compressed_ad.runs import RunFolder, read_run, train_run
from compressed_ad.sources.posterior import PosteriorSampling
from compressed_ad.storage import load_histories
from compressed_ad.tasks.dark_room import DarkRoomFamily
from compressed_ad.studies import (
    Entry,
    Measurement,
    RunEvaluation,
    Study,
    do_study,
    load_study,
    study_report,
    training_name,
)

ROOT = Path(__file__).parent.parent
SETTINGS = dict(
    task_family_arguments={"size": 3, "horizon": 6},
    n_held_out_tasks=2,
    n_streams=8,
    history_steps=40,
    decoder_max_seq_length=9,
    n_latent=2,
    tf_n_embd=16,
    tf_n_layer=1,
    tf_n_head=1,
    encoder_n_layer=1,
    encoder_n_head=1,
    min_compression_depth=2,
    max_compression_depth=2,
    min_compress_length=2,
    max_compress_length=7,
    min_uncompressed_length=6,
    max_uncompressed_length=6,
    plans_per_batch=2,
    train_batch_size=8,
    train_timesteps=6,
    warmup_steps=2,
    log_every=2,
    checkpoint_every=3,
    evaluation_streams=2,
    evaluation_episodes=12,
    device="cpu",
)
ACTING = Measurement("normalised_return", n_streams=2, n_episodes=4, block=2)


def tiny(measurements=(ACTING,), **changes) -> Study:
    "Two models, one of them twice with the same training, and both yardsticks."
    config = make_config(SETTINGS | changes)
    window = config.changed(model="AD")
    entries = [
        Entry("DarkRoom", "CompressedAD", config, measurements),
        Entry("DarkRoom", "AD", window, measurements),
        Entry("DarkRoom", "AD", window.changed(log_every=3), [ACTING], {"again": True}),
    ]
    return Study(
        "tiny", [*entries, *(Entry("DarkRoom", name, config, [ACTING]) for name in ("source", "oracle"))]
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    "A study that was done, and its record."
    folder = tmp_path_factory.mktemp("study")
    study = tiny([RunEvaluation(), ACTING])
    return study, folder, do_study(study, [0, 1], folder, progress=False)


def no_training(*arguments, **named):
    raise AssertionError("something was trained again")


def test_what_is_done_is_not_done_again(done, monkeypatch):
    study, folder, record = done
    monkeypatch.setattr(trainer_module.Trainer, "train_step", no_training)
    modified = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    assert do_study(study, [0, 1], folder, progress=False)["rows"] == record["rows"]
    assert modified == {path: path.stat().st_mtime_ns for path in folder.rglob("*.*")}
    lost = folder / "results" / "DarkRoom-CompressedAD-seed0.json"
    before = read_json(lost)
    lost.unlink()  # its checkpoint and its measurements are still there
    assert do_study(study, [0, 1], folder, progress=False)["rows"] == record["rows"]
    assert read_json(lost)["values"] == before["values"]
    elsewhere = do_study(study, [1], folder, progress=False, results=folder / "elsewhere")
    assert [row for row in elsewhere["rows"] if row["seed"] == 1] == [
        row for row in record["rows"] if row["seed"] == 1
    ]


def test_runs_with_the_same_training_and_histories_share_them(done):
    _, folder, record = done
    assert len(list(folder.glob("DarkRoom-*"))) == 4, "two models, two seeds"
    assert len(list(folder.glob("histories-*.h5"))) == 2, "a file for each seed"
    by_setting = {
        (
            row["model"],
            bool(row["setting"].get("again")),
            row["seed"],
            row["setting"].get("first_episode"),
        ): row["value"]
        for row in record["rows"]
        if "first_episode" in row["setting"]
    }
    for seed in (0, 1):
        assert by_setting["AD", False, seed, 1] == by_setting["AD", True, seed, 1]
    assert {row["value"] for row in record["rows"] if row["model"] == "oracle"} == {1.0}


def test_the_record_says_what_the_evaluations_say(done):
    study, folder, record = done
    entry = study.entries[0]
    [place] = (entry.run(0, folder).folder / "evaluations").iterdir()
    returns = Evaluation.load(place / "short.json").normalised
    [row] = [
        row
        for row in record["rows"]
        if row["seed"] == 0
        and row["model"] == "CompressedAD"
        and row["setting"] == {"evaluation": "short", "episodes": "last 10"}
    ]
    assert np.isclose(row["value"], returns[..., -10:].mean(), atol=1e-5) and row["n_tasks"] == 2
    report = study_report(study, [0, 1], folder)
    assert list(report["models"]) == ["CompressedAD", "AD"] and report["seeds"] == [0, 1]
    assert np.isclose(report["models"]["CompressedAD"]["last10"]["per_seed"][0], returns[..., -10:].mean())
    wanted = json.loads((ROOT / "results" / "foundation.json").read_text(encoding="utf-8"))
    assert wanted.keys() <= report.keys(), "README and lessons draw from these"
    assert wanted["models"]["AD"].keys() - {"long"} <= report["models"]["AD"].keys()


def test_a_run_of_a_study_is_one_of_the_commands_and_the_other_way_round(done, tmp_path, monkeypatch, capsys):
    study, folder, record = done
    place = study.entries[0].run(0, folder).folder
    assert run_command("train", [str(place), "--quiet"]) == 0
    assert "trained 6 updates" in capsys.readouterr().out
    assert (
        run_command(
            "evaluate", ["--config", str(place / "config.yaml"), "--checkpoint", str(place), "--quiet"]
        )
        == 0
    )
    assert run_command("report", [str(place)]) == 0 and (place / "report.html").exists()
    config = make_config(SETTINGS)
    mine = RunFolder(config, tmp_path / training_name(config))
    train_run(mine, progress=False)
    monkeypatch.setattr(trainer_module.Trainer, "train_step", no_training)
    alone = Study("alone", [Entry("DarkRoom", "CompressedAD", config, [ACTING])])
    again = do_study(alone, [0], tmp_path, progress=False)
    assert [row["value"] for row in again["rows"] if row["seed"] == 0] == [
        row["value"]
        for row in record["rows"]
        if row["seed"] == 0 and row["model"] == "CompressedAD" and "first_episode" in row["setting"]
    ]
    assert not list(tmp_path.glob("histories-*")), "the run has its own"


def test_a_study_trains_with_pretraining(tmp_path):
    study = Study(
        "two",
        [
            Entry("DarkRoom", "CompressedAD", make_config(SETTINGS | change), [ACTING], change)
            for change in ({}, {"pretraining": "fields", "pretraining_steps": 4})
        ],
    )
    record = do_study(study, [0], tmp_path, progress=False)
    plain, taught = (
        load_checkpoint(entry.run(0, tmp_path).checkpoints.latest())[0] for entry in study.entries
    )
    [slots] = [name for name in plain if name.startswith("model.") and name.endswith("query_tokens")]
    assert not torch.equal(plain[slots], taught[slots])
    assert "pretraining_seconds" not in record["runs"][0]
    assert 0 < record["runs"][1]["pretraining_seconds"][0] <= record["runs"][1]["train_seconds"][0]
    assert len(list(tmp_path.glob("histories-*.h5"))) == 1


def test_committed_results_are_valid_without_training(tmp_path, monkeypatch):
    "Of two of the models: a record is made of saved results, and nothing is trained."
    monkeypatch.setattr(runs_module, "train_run", no_training)
    saved = read_json(ROOT / "results" / "labs" / "doors_per_500.json")
    measured = [Measurement("doors_per_500", window=500, n_episodes=8)]
    entries = [
        Entry(run["task"], run["model"], make_config(run["configuration"]), measured, run["setting"])
        for run in saved["runs"]
        if run["model"] in ("CompressedAD", "source")
    ]
    record = do_study(
        Study("doors_per_500", entries),
        [0, 1, 2],
        tmp_path,
        progress=False,
        only_done=True,
        results=ROOT / "results" / "labs" / "runs" / "doors_per_500",
    )
    seeds = [run["seeds"] for run in saved["runs"] if run["model"] in ("CompressedAD", "source")]
    assert [run["seeds"] for run in record["runs"]] == seeds
    rows = [row for row in saved["rows"] if row["model"] in ("CompressedAD", "source")]
    assert len(record["rows"]) == len(rows)
    for row, before in zip(record["rows"], rows):
        same = ("task", "model", "seed", "setting", "metric", "n_tasks")
        assert [row[key] for key in same] == [before[key] for key in same]
        assert np.allclose(
            [row[key] for key in ("value", "low", "high")], [before[key] for key in ("value", "low", "high")]
        )
    assert not list(tmp_path.iterdir())


def refusal(call, *arguments, **named) -> str:
    with pytest.raises(CompressedADError) as caught:
        call(*arguments, **named)
    return str(caught.value)


def test_refusals_before_anything_is_written(done, tmp_path):
    study, folder, _ = done
    config = make_config(SETTINGS)
    other = Study(
        "other", [Entry("DarkRoom", "CompressedAD", config.changed(lr=0.1), study.entries[0].measurements)]
    )
    assert "was done with other settings; remove it to do it again" in refusal(
        do_study, other, [0], folder, progress=False
    )
    less = Study("less", [Entry("DarkRoom", "CompressedAD", config, [Measurement("success")])])
    assert "was done with other settings" in refusal(do_study, less, [0], folder, progress=False)
    wrong = Study(
        "wrong",
        [
            Entry("DarkRoom", "AD", config.changed(model="AD"), [ACTING]),
            Entry("DarkRoom", "AD", config.changed(task_family="Castle"), [ACTING], {"in": "a castle"}),
        ],
    )
    assert "task_family = 'Castle': must be one of" in refusal(do_study, wrong, [0], tmp_path, progress=False)
    assert not list(tmp_path.iterdir()), "the first entry was not begun either"
    assert "metric = 'sucess': must be one of success, " in refusal(Measurement, "sucess")
    assert "window = 0: doors_per_500 is counted over windows" in refusal(Measurement, "doors_per_500")
    assert "n_episodes = 5: must be a multiple of block = 2" in refusal(
        Measurement, "success", n_episodes=5, block=2
    )
    maze = config.changed(task_family="PassiveTMaze", task_family_arguments={"corridors": [3, 4, 5]})
    apart = Measurement("success", trips=((1, 4),))
    assert "trips: must be empty for PassiveTMaze" in refusal(Entry, "PassiveTMaze", "AD", maze, [apart])
    assert "same task, model and setting: DarkRoom-AD-seed0" in refusal(
        Study, "twice", [study.entries[1]] * 2
    )
    assert "must be demo, results, or a Python file" in refusal(load_study, "nowhere")
    (tmp_path / "broken_study.py").write_text("import no_such_module\n", encoding="utf-8")
    assert "ModuleNotFoundError: No module named 'no_such_module'" in refusal(
        load_study, str(tmp_path / "broken_study.py")
    )


def test_one_lock_for_studies_and_commands(tmp_path):
    study = tiny()
    run = study.entries[0].run(0, tmp_path)
    with run.locked("train"):
        assert f"process {os.getpid()} on" in refusal(do_study, study, [0], tmp_path, progress=False)


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_study_works_on_the_device_of_the_configuration(tmp_path, monkeypatch, device):
    asked = []
    launched = trainer_module.Processes.launched
    monkeypatch.setattr(
        trainer_module.Processes, "launched", lambda name: asked.append(name) or launched("cpu")
    )
    config = make_config(SETTINGS | {"device": device, "train_timesteps": 1, "warmup_steps": 0})
    do_study(
        Study("one", [Entry("DarkRoom", "CompressedAD", config, [ACTING])]), [0], tmp_path, progress=False
    )
    assert len(asked) >= 2 and set(asked) == {device}, "for training and for measuring"


class CountingSource(PosteriorSampling):
    "Says how often it begins to learn."

    started = 0

    def start(self, *arguments, **named):
        CountingSource.started += 1
        return super().start(*arguments, **named)


def test_the_curve_of_the_source_is_computed_once(tmp_path):
    path = tmp_path / "mine.yaml"
    settings = SETTINGS | {
        "source": "test_studies:CountingSource",
        "model": "AD",
        "run_folder": str(tmp_path / "run"),
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    commands = [["train"], ["evaluate"], ["evaluate"], ["report"]]
    counts = []
    for [name] in commands:
        assert run_command(name, ["--config", str(path)] + ["--quiet"] * (name != "report")) == 0
        counts.append(CountingSource.started)
    recorded, *evaluated = counts
    assert evaluated == [recorded + 1] * 3
    first = runs_report([tmp_path / "run"])["source_curve"]
    assert len(first) == 12 and first == runs_report([tmp_path / "run"])["source_curve"]
    assert run_command("evaluate", ["--config", str(path), "--quiet", "--evaluation_episodes", "13"]) == 0
    assert CountingSource.started == recorded + 2, "a longer curve is another question"


class Hills(DarkRoomFamily):
    "Each step costs one, until the goal is there; nobody knows what is best. As MountainCar, but quick."

    def vector(self, tasks):
        return TransformReward(super().vector(tasks), lambda rewards: rewards - 1)

    def oracle_returns(self, tasks):
        raise NotImplementedError("who knows?")

    def oracle_reward_rate(self, tasks):
        raise NotImplementedError("who knows?")


def test_raw_returns_are_watched_evaluated_drawn_and_reported(tmp_path, capsys):
    "A family without an oracle, with negative returns: refused after the whole training before."
    path = tmp_path / "mine.yaml"
    settings = SETTINGS | {
        "task_family": "test_studies:Hills",
        "source": "QLearning",
        "record_entropies": False,
        "model": "AD",
        "evaluate_every": 3,
        "long_evaluation_episodes": 100,
        "run_folder": str(tmp_path / "run"),
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    for name in ("train", "evaluate", "report"):
        assert run_command(name, ["--config", str(path)]) == 0, capsys.readouterr().err
    assert "run: -" in capsys.readouterr().out
    run = read_run(tmp_path / "run")
    returns = Evaluation.load(run.folder / "evaluations" / "step-00000006" / "short.json").returns
    assert returns.max() < 0 and returns.min() >= -6
    report = read_json(run.folder / "report.json")
    [model] = report["models"].values()
    [settings] = report["configurations"].values()
    assert not {"run_folder", "histories_file"} & settings.keys(), "places are no part of a record"
    assert np.isclose(model["last10"]["mean"], returns[..., -10:].mean()) and not model["is_normalised"]
    long = Evaluation.load(run.folder / "evaluations" / "step-00000006" / "long.json").returns
    assert np.isclose(model["long_drop"], long[..., 40:50].mean() - long[..., 50:].mean())
    assert [line["step"] for line in model["watched"]] == [3, 6] and model["watched"][0]["evaluation"][
        "last5"
    ] < 0
    assert (run.folder / "checkpoints" / "best.safetensors").exists()
    study = Study(
        "hills",
        [
            Entry(
                "Hills",
                "AD",
                run.config.changed(evaluate_every=0, long_evaluation_episodes=0),
                [RunEvaluation()],
            )
        ],
    )
    record = do_study(study, [0], tmp_path / "study", progress=False)
    assert {row["metric"] for row in record["rows"]} == {"return"}
    yardstick = Study("best", [Entry("Hills", "oracle", run.config, [ACTING])])
    assert "does not know its returns" in refusal(
        do_study, yardstick, [0], tmp_path / "study", progress=False
    )


def test_a_finished_run_goes_on_with_extend(tmp_path, capsys):
    run = RunFolder(make_config(SETTINGS | {"model": "AD"}), tmp_path / "run")
    train_run(run, progress=False)
    place = str(run.folder)
    assert run_command("train", [place, "--train_timesteps", "9", "--quiet"]) == 1
    assert "train_timesteps = 6 there, 9 here" in capsys.readouterr().err
    assert run_command("train", [place, "--train_timesteps", "9", "--quiet", "--extend"]) == 0
    assert "trained 9 updates" in capsys.readouterr().out and run.checkpoints.steps() == [3, 6, 9]
    for name in ("train", "evaluate"):
        assert run_command(name, [place, "--quiet"]) == 0, "it is one run, and known by its new length"
    assert (run.folder / "evaluations" / "step-00000009" / "short.json").exists()


MINE = textwrap.dedent("""
    from dataclasses import dataclass
    import os
    import numpy as np
    from compressed_ad.config import make_config
    from compressed_ad.studies import Entry, Study
    from compressed_ad.evaluation import Value
    from compressed_ad.tasks.dark_room import DarkRoomFamily

    class MyRooms(DarkRoomFamily):
        pass

    @dataclass(frozen=True)
    class Weights:
        "How many weights a model has."
        def of_run(self, run, model, config, seed, progress):
            return [Value("weights", {}, np.array([float(sum(p.numel() for p in model.parameters()))]))]

    def study():
        config = make_config(SETTINGS)
        entries = [Entry("MyRooms", "AD", config.changed(model="AD", lr=lr), [Weights()], {"lr": lr})
                   for lr in (1e-3, 2e-3)]
        return Study("mine", entries)
""")


def program(name: str, *arguments, **how) -> subprocess.Popen:
    "A command as a console script starts it: the working directory is not on its path."
    code = "import sys; sys.path = [p for p in sys.path if p]; from compressed_ad.cli import run_command; "
    code += "sys.exit(run_command(sys.argv[1], sys.argv[2:]))"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, name, *map(str, arguments)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def test_a_command_sees_modules_beside_its_file_and_so_do_its_workers(tmp_path, monkeypatch):
    place = tmp_path / "beside"
    place.mkdir()
    settings = SETTINGS | {
        "task_family": "my_module:MyRooms",
        "train_timesteps": 2,
        "warmup_steps": 0,
        "n_streams": 500,
    }
    (place / "my_module.py").write_text(MINE.replace("SETTINGS", repr(settings)), encoding="utf-8")
    (place / "mine.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert (
        run_command(
            "collect",
            ["--config", str(place / "mine.yaml"), "--run_folder", str(tmp_path / "run"), "--quiet"],
        )
        == 0
    )
    assert load_histories(tmp_path / "run" / "histories.h5").about["task_family"] == "my_module:MyRooms"
    process = program(
        "study",
        "my_module.py",
        "--jobs",
        2,
        "--seeds",
        0,
        "--quiet",
        "--folder",
        tmp_path / "study",
        cwd=place,
    )
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors[-2000:]
    record = read_json(tmp_path / "study" / "record.json")
    assert [run["seeds"] for run in record["runs"]] == [[0], [0]] and {
        row["metric"] for row in record["rows"]
    } == {"weights"}


def test_a_run_folder_is_understood_wherever_a_run_is_meant(done, tmp_path, capsys):
    study, folder, _ = done
    place = study.entries[1].run(1, folder).folder
    assert run_command("evaluate", [str(place), "--quiet"]) == 0
    assert run_command("evaluate", ["--config", str(place), "--checkpoint", str(place), "--quiet"]) == 0
    assert run_command("collect", [str(place), "--quiet"]) == 0
    capsys.readouterr()
    for arguments in ([str(tmp_path), "--quiet"], ["--config", str(tmp_path), "--quiet"]):
        assert run_command("train", arguments) == 1
        assert capsys.readouterr().err == f"cad-train: {tmp_path}: no run is there (no config.yaml)\n"
    assert read_run(place).config.model == "AD"


def test_a_cluster_loses_nothing_when_a_worker_is_killed(tmp_path, monkeypatch):
    "Two Dask workers; one is killed as soon as the first result is there. The record is that of one process."
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    config = make_config(
        SETTINGS | {"model": "AD", "train_timesteps": 3, "n_streams": 400, "history_steps": 20}
    )
    study = Study(
        "cluster",
        [Entry("DarkRoom", "AD", config.changed(lr=lr), [ACTING], {"lr": lr}) for lr in (1e-3, 2e-3, 3e-3)],
    )
    alone = do_study(study, [0, 1], tmp_path / "alone", progress=False)
    folder = tmp_path / "cluster"
    killed = []

    def kill_one(pids: list[int]) -> None:
        deadline = time.monotonic() + 120
        while not list(folder.glob("results/*.json")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pids[0], signal.SIGKILL)
        killed.append(len(list(folder.glob("results/*.json"))))

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        killer = threading.Thread(target=kill_one, args=(list(client.run(os.getpid).values()),))
        killer.start()
        with joblib.parallel_config(backend="dask"):
            together = do_study(study, [0, 1], folder, progress=False)
        killer.join()
    assert 1 <= killed[0] < 6, "it was killed on the way"
    assert together["rows"] == alone["rows"]
    ours, theirs = (sorted(place.glob("histories-*.h5")) for place in (folder, tmp_path / "alone"))
    assert len(ours) == 2 and [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]
