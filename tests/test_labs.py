"The labs: their study files and their records belong together, and they can be read from anywhere."
import functools
import itertools
import json
import math
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compressed_ad import studies
from compressed_ad.checkpoints import load_model
from compressed_ad.comparisons import MODEL_STYLES
from compressed_ad.config import make_config, read_config
from compressed_ad.evaluation import evaluate, interval
from compressed_ad.files import read_json
from compressed_ad.insight.retracing import Moment
from compressed_ad.insight.probes import take_snapshots
from compressed_ad.lesson import read_record
from compressed_ad.models import make_model
from compressed_ad.registry import COMPRESSORS
from compressed_ad.studies import Entry, Study, do_study, load_study

ROOT = Path(__file__).parent.parent
LABS = ("how_far_back", "doors_per_500", "when_a_window_is_enough", "how_many_latents", "what_memory_holds",
        "does_pretraining_help", "what_to_keep")
TINY = make_config(dict(
    task_family_arguments={"size": 3, "horizon": 6}, n_held_out_tasks=2, n_streams=8, history_steps=40,
    decoder_max_seq_length=9, n_latent=2, tf_n_embd=16, tf_n_layer=1, tf_n_head=1, encoder_n_layer=1,
    encoder_n_head=1, min_compression_depth=2, max_compression_depth=2, min_compress_length=2,
    max_compress_length=7, min_uncompressed_length=6, max_uncompressed_length=6, train_batch_size=8,
    train_timesteps=12, warmup_steps=0, checkpoint_every=4, keep_checkpoints=9, pretraining="mean",
    pretraining_steps=5))


@functools.cache
def study_of(lab):
    return load_study(str(ROOT / "nbs" / "labs" / "studies" / f"{lab}.py"))


def module_of(lab):
    study_of(lab)
    return sys.modules[lab]


@pytest.mark.parametrize("lab", LABS)
def test_a_committed_record_is_what_the_saved_results_say(lab, tmp_path, monkeypatch):
    "All values, and one interval in eleven: of an interval the bootstrap takes a third of a second."
    count = itertools.count()
    monkeypatch.setattr(studies, "interval", lambda v: (np.nan, np.nan) if next(count) % 11 else interval(v))
    saved = ROOT / "results" / "labs" / "runs" / lab
    record = do_study(study_of(lab), (0, 1, 2), tmp_path, progress=False, only_done=True, results=saved)
    committed = read_record(f"labs/{lab}")
    assert not list(tmp_path.iterdir()), "nothing is trained"
    n_results = sum(len(run["seeds"]) for run in record["runs"])
    assert n_results == len(list(saved.glob("*.json"))), "the study asks for each of the saved results"
    assert record["seeds"] == committed["seeds"] and len(record["rows"]) == len(committed["rows"])
    for number, (row, before) in enumerate(zip(record["rows"], committed["rows"])):
        assert row.keys() == before.keys()
        for name, value in before.items():
            if name in ("low", "high") and number % 11:
                continue
            same = row[name] == value or math.isclose(row[name], value, rel_tol=0, abs_tol=1e-9)
            assert same, (before["task"], before["model"], before["setting"], name)
    for run, before in zip(record["runs"], committed["runs"], strict=True):
        for name in ("task", "model", "setting", "seeds", "train_seconds"):
            assert run[name] == before[name]


@pytest.mark.parametrize("lab", LABS)
def test_what_a_lab_compares_was_trained_and_measured_on_the_same_tasks(lab):
    study = study_of(lab)
    known = {*MODEL_STYLES, *COMPRESSORS.parts}
    assert study.name == lab and {entry.model for entry in study.entries} <= known
    keys = ("task_family", "task_family_arguments", "split_seed", "n_streams", "source", "source_arguments",
            "action_noise")
    groups = {}
    for entry in study.entries:
        if "trained_to" not in entry.setting:
            groups.setdefault((entry.task, entry.setting.get("trained_on_changes")), []).append(entry)
    for group, alike in groups.items():
        for key in keys:
            assert len({str(getattr(entry.config, key)) for entry in alike}) == 1, (group, key)


def test_lengths_that_lab_1_asks_about_are_not_trained():
    asked = {"PassiveTMaze": set(), "RepeatFirst": set()}
    entries = study_of("how_far_back").entries
    for entry in entries:
        for measurement in entry.measurements:
            asked[entry.task] |= set(measurement.setting.values())
    mazes = [entry.config.task_family_arguments["corridors"] for entry in entries
             if entry.task == "PassiveTMaze" and entry.model not in ("source", "oracle")]
    delays = read_config("lab_repeat_first").task_family_arguments["delays"]
    assert not any(set(corridors) & asked["PassiveTMaze"] for corridors in mazes)
    assert not set(delays) & asked["RepeatFirst"] and max(delays) == 63
    assert {max(corridors) for corridors in mazes} == {7, 15, 31, 63, 127}


def code_cells(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("lab", LABS)
def test_labs_run_from_the_repositorys_root_and_from_anywhere_in_it(lab, monkeypatch):
    "They raised FileNotFoundError there. The test of notebooks runs them in their own folder."
    matplotlib.use("Agg")
    monkeypatch.chdir(ROOT)
    [path] = (ROOT / "nbs" / "labs").glob(f"*_{lab}.ipynb")
    names = {"__name__": "__main__"}
    for source in code_cells(path):
        exec(compile(source, path.name, "exec"), names)
    matplotlib.pyplot.close("all")
    assert names["record"] == read_record(f"labs/{lab}")


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_names_its_study_and_the_command_that_recomputes_it(lab):
    [path] = (ROOT / "nbs" / "labs").glob(f"*_{lab}.ipynb")
    text = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    assert f"(studies/{lab}.py)" in text and f"cad-study nbs/labs/studies/{lab}.py" in text


# what labs 5 and 6 measure, on tiny models

def test_lab_5_looks_for_the_door_with_the_key_in_hand():
    lab = module_of("what_memory_holds")
    with_key = np.array([[4, 4, 0], [4, 4, 1], [4, 4, 1]])
    ended = np.array([False, False, True])  # who has opened the door begins again without a key
    moment = Moment(None, np.arange(3), None, with_key, None, ended)
    assert lab.looked_for(moment).tolist() == [0, 1, 0]


def test_lab_5_measures_what_it_says():
    lab = module_of("what_memory_holds")
    quick = lab.Diagnosis(n_tasks=200, compressions=(2, 9), transplanted=2, n_steps=5, ages=(1, 2, 3),
                          n_aging=8, n_blindfolded=4)
    config = TINY.changed(task_family="KeyToDoor", task_family_arguments={"size": 4, "horizon": 20},
                          n_held_out_tasks=50, n_training_tasks=100, record_entropies=False)
    family = config.family
    model = make_model(config, family.observation_space, family.action_space)
    values = quick.of_run(None, model, config, 0, progress=False)
    found = {}
    for value in values:
        found.setdefault(value.metric, []).append(value)
    labels = [{"labels": "true"}, {"labels": "shuffled"}, {"told": "start only", "labels": "true"}]
    assert [value.setting for value in found["probe_area"]] == [
        {"compressions": n, "fact": "visited cells", **which} for n in (2, 9) for which in labels]
    assert [value.setting["compressions"] for value in found["effective_rank"]] == [2, 9]
    assert [value.setting["compressions"] for value in found["drift"]] == [2, 3]
    assert {len(value.per_task) for value in found["drift"]} == {8}
    own_and_others = ("own", "another's")
    assert [value.setting for value in found["visited"]] == [
        {"latents": latents, "cell": cell} for latents in own_and_others for cell in own_and_others]
    eyes = ("open", "blindfolded", "blindfolded later")
    assert [value.setting for value in found["normalised_return"]] == [
        {"eyes": how, "first_call": call} for how in eyes for call in (1, 501)]
    facts = {value.setting["fact"] for value in found.get("probe_accuracy", [])}
    assert facts <= {"row of the key", "row of the door"}


@pytest.fixture(scope="module")
def curve_and_probe(tmp_path_factory):
    "A tiny model that was pre-trained, then trained, and measured as in lab 6: the result and the run."
    lab = module_of("does_pretraining_help")
    curve = lab.LearningCurve(n_tasks=3, n_streams=2, n_episodes=4, last=2)
    probe = lab.GoalProbe(compressions=(1, 4), n_streams=16)
    entry = Entry("DarkRoom", "CompressedAD", TINY, [curve, probe])
    folder = tmp_path_factory.mktemp("tiny")
    do_study(Study("tiny", [entry]), (0,), folder, progress=False)
    return read_json(folder / "results" / f"{entry.name(0)}.json"), entry.run(0, folder)


def test_lab_6_learning_curves_come_from_the_checkpoints(curve_and_probe):
    result, run = curve_and_probe
    curve = [value for value in result["values"] if value["metric"] == "normalised_return"]
    assert [value["setting"]["step"] for value in curve] == [4, 8, 12]
    family = TINY.family
    watched = np.random.default_rng(0).choice(TINY.split.train, 3, replace=False)
    model, _ = load_model(run.checkpoints.path(8))
    acted = evaluate(model, family, watched, 2, 4, 0, progress=False).normalised
    assert np.allclose(curve[1]["values"], acted[:, :, 2:].mean((1, 2)), atol=1e-5)
    assert result["train_seconds"] > result["pretraining_seconds"] > 0


def test_lab_6_probes_are_fitted_on_training_tasks_alone(curve_and_probe):
    result, run = curve_and_probe
    held_out = TINY.split.held_out
    tasks = np.concatenate([TINY.split.train, held_out]).repeat(16)
    model, _ = load_model(run.checkpoints.path(12))
    _, snapshot = take_snapshots(model, TINY.family, tasks, (1, 4), 0)
    known = snapshot.known(0)
    is_new = np.isin(tasks, held_out)
    features = snapshot.latents.reshape(len(tasks), -1)
    reader = make_pipeline(StandardScaler(), RidgeClassifier(alpha=100.0))
    reader.fit(features[known & ~is_new], tasks[known & ~is_new] // 3)
    right = reader.predict(features[known & is_new]) == tasks[known & is_new] // 3
    by_hand = [right[tasks[known & is_new] == task].mean() for task in held_out]
    *_, value, shuffled = result["values"]
    assert value["setting"] == {"compressions": 4, "fact": "row of the goal", "labels": "true"}
    assert shuffled["setting"]["labels"] == "shuffled"
    assert np.allclose(value["values"], by_hand, atol=1e-5)


def test_lab_6_has_no_value_for_a_goal_that_no_stream_has_found():
    right = np.array([1.0, np.nan, 0.0, 1.0, np.nan])
    tasks = np.array([7, 7, 8, 8, 9])
    by_task = module_of("does_pretraining_help").mean_by_task(right, tasks, np.array([9, 7, 8]))
    assert np.array_equal(by_task, [np.nan, 1.0, 0.5], equal_nan=True)


def test_lab_7_rewards_with_moving_goals_are_means_over_the_streams_of_each_task():
    goals = module_of("what_to_keep").Goals(True, n_layouts=2, n_streams=2)
    rewards = np.repeat([[0.0], [1.0], [1.0], [1.0]], 1040, 1)  # two streams of each of two tasks
    rewards[:, :500] = 0
    ends = np.tile(np.arange(1040) % 20 == 19, (4, 1))
    told = goals.values(rewards, ends)
    assert {(value.metric, *value.setting.values()): list(value.per_task) for value in told} == {
        ("reward_per_500", 1, True): [0, 0], ("reward_per_500", 2, True): [250, 500],
        ("mean_reward_per_500", "2 to 2", True): [250, 500]}
