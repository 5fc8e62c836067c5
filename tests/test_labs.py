"The labs: their study files and their records belong together, and they can be read from anywhere."
import functools
import itertools
import json
import math
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from compressed_ad import studies
from compressed_ad.comparisons import MODEL_STYLES
from compressed_ad.config import read_config
from compressed_ad.evaluation import interval
from compressed_ad.lesson import read_record
from compressed_ad.studies import do_study, load_study

ROOT = Path(__file__).parent.parent
LABS = ("how_far_back", "doors_per_500", "when_a_window_is_enough", "how_many_latents", "what_memory_holds",
        "does_pretraining_help")


@functools.cache
def study_of(lab):
    return load_study(str(ROOT / "nbs" / "labs" / "studies" / f"{lab}.py"))


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
    assert study.name == lab and {entry.model for entry in study.entries} <= set(MODEL_STYLES)
    keys = ("task_family", "task_family_arguments", "split_seed", "n_streams", "source", "source_arguments",
            "action_noise")
    for task in {entry.task for entry in study.entries}:
        alike = [entry for entry in study.entries if entry.task == task and "trained_to" not in entry.setting]
        for key in keys:
            assert len({str(getattr(entry.config, key)) for entry in alike}) == 1, (task, key)


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
