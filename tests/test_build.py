"""Build it yourself: solutions pass, mistakes do not, and the students' copy holds neither answers nor tests.

The notebooks of nbs/build hold the solutions; nbval runs them from top to bottom, with every check asserted.
"""
import ast
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "nbs" / "build"
NOTEBOOKS = sorted(BUILD.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
TRAINS = re.compile(r"^( *)(look|model, losses = train|parts = teach)\(.*$", flags=re.M)  # no check needs it


def marks(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def checks(path: Path) -> list:
    return [cell for cell in code_cells(path) if marks(cell).get("grade") and not marks(cell)["solution"]]


def solutions(path: Path) -> list:
    return [cell for cell in code_cells(path) if marks(cell).get("solution")]


def test_there_is_enough_to_write():
    functions = [cell for path in NOTEBOOKS for cell in solutions(path)]
    assert len(functions) >= 14
    text = "".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS)
    assert text.count("Predict, then run") >= 6
    assert text.count("**Predict.**") == 3, "three models that do not learn"
    for path in NOTEBOOKS:
        for cell in solutions(path):
            inside = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, flags=re.S)
            assert len(inside) == 1 and 1 <= inside[0].count("\n") <= 20, marks(cell)["grade_id"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_every_cell_is_short(path):
    for cell in code_cells(path):
        lines = cell.source.splitlines()
        assert len(lines) <= 40 and max(map(len, lines)) <= 110


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_difficulty_importance_time_and_points_are_said(path):
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    for cell in checks(path):
        assert f"points={marks(cell)['points']})" in cell.source
    said = re.findall(r"\*Difficulty \d of 3.*?Importance \d of 3.*?points", text)
    assert len(said) >= max(1, len(checks(path))) - (path.stem == "10_capstone")


def run_until(path: Path, check: str, monkeypatch, old: str = "", new: str = "") -> int:
    "The points that `check` gives when `old` is replaced by `new` in the solution that it checks."
    monkeypatch.chdir(path.parent)
    names: dict = {}
    for cell in code_cells(path):
        source = cell.source
        if marks(cell).get("grade_id") == check.removeprefix("check_") and old:
            assert old in source, f"{check}: no {old!r} in the solution"
            source = source.replace(old, new)
        if marks(cell).get("grade_id") == check:
            body, last = source.rsplit("\n", 1)
            exec(compile(body, path.name, "exec"), names)
            return eval(last, names)
        if not marks(cell).get("grade"):
            exec(compile(TRAINS.sub(r"\1pass", source), path.name, "exec"), names)
    raise KeyError(check)


MISTAKES = [
    ("01_source", "eliminate", "goals[paid] = False", "pass"),
    ("01_source", "eliminate", "family.cells(next_observations)", "family.cells(observations)"),
    ("01_source", "learn", "observations = following", "observations = next_observations"),
    ("01_source", "learn", "np.where(wrong, draw(possible[0], random), believed)", "believed"),
    ("02_token", "TransitionEmbedding", "next_column=after[..., 1]", "next_column=before[..., 1]"),
    ("03_attention", "attention", " / queries.shape[-1] ** 0.5", ""),
    ("03_attention", "attention", "softmax(-1)", "softmax(-2)"),
    ("03_attention", "decoder_mask", "< seen[:, None]", "<= seen[:, None]"),
    ("03_attention", "TransformerBlock", "values, mask)", "values)"),
    ("03_attention", "TransformerBlock", "tokens = tokens + self", "tokens = self"),
    ("04_plain_ad", "prefix_losses", ', reduction="none")', ").expand(actions.shape)"),
    ("04_plain_ad", "update", "optimizer.zero_grad()", "pass"),
    ("04_plain_ad", "act", "torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]",
     "logits.argmax(-1)"),
    ("04_plain_ad", "act", "transitions), following", "transitions), next_observations"),
    ("05_encoder", "CompressionEncoder", "segment + self.positions[:n]", "segment"),
    ("05_encoder", "CompressionEncoder", "tokens[:, -self.n_latent:]", "tokens[:, :self.n_latent]"),
    ("06_memory", "make_room", "n_recent <= max_recent_length", "n_recent < max_recent_length"),
    ("06_memory", "make_room", "memory.recent[:, :length]", "memory.recent[:, -length:]"),
    ("06_memory", "compression_plan", "config.keep_length if depth else 0", "config.keep_length"),
    ("06_memory", "compression_plan", "depth, endpoint=True", "depth"),
    ("08_look_inside", "probe", "(features[~fitted_on] - mean) / scale",
     "(features[~fitted_on] - features[~fitted_on].mean(0)) / scale"),
    ("08_look_inside", "transplant", "mine[donors]", "mine"),
    ("09_does_not_learn", "starts", "np.zeros(n, int)", "random.integers(0, n_steps - WINDOW, n)"),
    ("09_does_not_learn", "mask", "last_seen = torch.arange(n_context - n_query, n_context)",
     "last_seen = torch.arange(n_context - n_query, n_context) + 1"),
    ("09_does_not_learn", "luck", "searching = left > 1", "searching = left > 0"),
]


@pytest.mark.parametrize("name, part, old, new", MISTAKES,
                         ids=[f"{part}-{old[:24]}" for _, part, old, _ in MISTAKES])
def test_a_typical_mistake_is_told(name, part, old, new, monkeypatch, capsys):
    assert run_until(BUILD / f"{name}.ipynb", f"check_{part}", monkeypatch, old, new) == 0
    told = capsys.readouterr().out.strip().splitlines()[-1]
    assert told.startswith("not right yet: ") and "it raised" not in told and len(told) > 40, told


@pytest.fixture(scope="module")
def student(tmp_path_factory) -> Path:
    "A checkout in which `make student` and `make grade` may write, with the students' copy in build_student."
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbs").mkdir()
    shutil.copytree(BUILD, folder / "nbs" / "build", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "nbgrader_config.py", folder / "tools")
    shutil.copy(ROOT / "Makefile", folder)
    make(folder, "student")
    return folder


def make(folder: Path, target: str, **variables: str) -> str:
    "Run a target of the Makefile in `folder`, with the programs of this environment."
    environment = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    said = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", target, f"BIN={Path(sys.executable).parent}", "READY=", *said]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_the_students_copy_has_no_answers_and_no_hidden_tests(name, student):
    path = student / "build_student" / "build" / f"{name}.ipynb"
    copy = nbformat.read(path, as_version=4)
    text = path.read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in text and "HIDDEN TESTS" not in text
    assert len(copy.cells) == len(nbformat.read(BUILD / f"{name}.ipynb", as_version=4).cells)
    assert all(not cell.get("outputs") for cell in copy.cells)
    for cell in copy.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            is_stub = "raise NotImplementedError  # your code" in cell.source
            assert is_stub == bool(marks(cell).get("solution"))
        elif marks(cell):
            assert cell.source == "*Write here.*"


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("07_train_it", "10_capstone")])
def test_what_is_not_written_earns_nothing(name, student, monkeypatch, capsys):
    path = student / "build_student" / "build" / f"{name}.ipynb"
    for cell in checks(path):
        assert run_until(path, marks(cell)["grade_id"], monkeypatch) == 0
        assert capsys.readouterr().out.strip().endswith("not solved yet")


def test_a_folder_of_submissions_is_graded_into_a_table(student):
    # two are enough. Ann handed in the solutions, Bob his untouched copy, Eve a mask that cheats and no 02
    few = ["02_token", "03_attention"]
    for path in (path for path in NOTEBOOKS if path.stem not in few):
        (student / "nbs" / "build" / path.name).unlink()
    make(student, "student")
    handed_in = student / "submissions"
    for who, source in (("ann", BUILD), ("bob", student / "build_student" / "build"), ("eve", BUILD)):
        (handed_in / who / "build").mkdir(parents=True)
        for name in few if who != "eve" else few[1:]:
            shutil.copy(source / f"{name}.ipynb", handed_in / who / "build")
    path = handed_in / "eve" / "build" / "03_attention.ipynb"
    contents = json.loads(path.read_text(encoding="utf-8"))
    for cell in contents["cells"]:
        cell["source"] = "".join(cell["source"]).replace("< seen[:, None]", "<= seen[:, None]")
    path.write_text(json.dumps(contents), encoding="utf-8")
    make(student, "grade", SUBMISSIONS="submissions")
    with open(student / "grades.csv", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    points = {name: sum(marks(cell)["points"] for cell in checks(BUILD / f"{name}.ipynb")) for name in few}
    assert {name: float(rows["ann"][name]) for name in few} == points
    assert {name: float(rows["bob"][name]) for name in few} == dict.fromkeys(few, 0)
    assert float(rows["eve"]["03_attention"]) == points["03_attention"] - 10, "the mask is worth ten points"
    assert float(rows["eve"]["points"]) == points["03_attention"] - 10
