"""The package is what the notebooks export, the notebooks are clean, and every exercise has a solution.

That the solutions pass is found by nbval's run of the notebooks: nbs/conftest.py puts them in place.
"""
import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(path for path in (ROOT / "nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
WITH_EXERCISES = [path for path in NOTEBOOKS if "# exercise" in path.read_text(encoding="utf-8")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "nbs").with_suffix("").as_posix()


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    "A copy of what a commit would hold, in which the tools may write."
    folder = tmp_path_factory.mktemp("copy") / "project"
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".ipynb_checkpoints", "*.egg-info")
    folder.mkdir()
    for name in ("settings.ini", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder)
    for name in ("compressed_ad", "nbs"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    return folder


def run(command: str, folder: Path) -> None:
    script = Path(sys.executable).parent / command
    subprocess.run([str(script)], cwd=folder, check=True, capture_output=True, timeout=120)


def modules(folder: Path) -> dict[str, bytes]:
    "The text of every module in every room of the package."
    package = folder / "compressed_ad"
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.py")
            if "__pycache__" not in path.parts}


def test_export_is_the_committed_package(copy):
    for path in (copy / "compressed_ad").rglob("*.py"):
        if path.name != "__init__.py":
            path.unlink()
    run("nbdev_export", copy)
    exported, committed = modules(copy), modules(ROOT)
    assert set(exported) == set(committed), "run `make prepare`; a module that no notebook exports must go"
    different = [name for name in exported if exported[name] != committed[name]]
    assert not different, f"run `make prepare`: {different} differ from what the notebooks export"


def test_notebooks_are_clean():
    command = [sys.executable, str(ROOT / "tools" / "clean.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"run `make prepare`: {done.stdout}{done.stderr}"


def test_every_notebook_installs_the_package_in_colab_and_only_there():
    command = [sys.executable, str(ROOT / "tools" / "colab_cells.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"run `make prepare`: {done.stdout}{done.stderr}"
    notebook = nbformat.read(ROOT / "nbs" / "build" / "05_encoder.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if "colab" in cell.metadata.get("tags", ())]
    ran = InteractiveShell().run_cell(cell.source)
    assert ran.success, "outside of Colab the cell does nothing"
    assert "git clone" in cell.source and "/nbs/build" in cell.source


def test_a_new_cell_for_colab_counts_and_an_old_one_stays(cells_for_colab):
    new = nbformat.v4
    cells = [new.new_markdown_cell("# Title"), new.new_code_cell("3", execution_count=1)]
    cells[1].outputs = [new.new_output("execute_result", execution_count=1, data={"text/plain": "3"})]
    once = cells_for_colab.with_cell(new.new_notebook(cells=cells), "nbs/labs")
    assert [cell.source[:7] for cell in once.cells] == ["# Title", "#@title", "3"]
    assert [cell.get("execution_count") for cell in once.cells] == [None, 1, 2]
    assert once.cells[2].outputs[0].execution_count == 2
    twice = cells_for_colab.with_cell(deepcopy(once), "nbs/labs")
    assert twice == once


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_outputs_come_from_one_clean_run(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells if cell.execution_count is not None]
    assert path.stem == "index" or counts, "run the notebook; only the front page may be without outputs"
    assert counts == list(range(1, len(counts) + 1)), "run the notebook from top to bottom"
    errors = [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert not errors
    prints_trouble = [output.text for cell in cells for output in cell.outputs
                      if output.output_type == "stream" and output.name == "stderr"]
    assert not prints_trouble, "a committed output holds warnings or progress bars"


def module_at(path: Path):
    spec = importlib.util.spec_from_file_location(f"{path.stem}_of_{path.parent.name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def solutions():
    "`solutions` of nbs/conftest.py."
    return module_at(ROOT / "nbs" / "conftest.py").solutions


@pytest.fixture(scope="module")
def cells_for_colab():
    return module_at(ROOT / "tools" / "colab_cells.py")


@pytest.mark.parametrize("path", WITH_EXERCISES, ids=name_of)
def test_every_exercise_has_a_solution_and_a_check(path, solutions):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    exercises = [source for source in code if source.startswith("# exercise")]
    checks = [line for source in code for line in source.splitlines() if line.startswith("exercise(")]
    answers = solutions(cells)
    assert len(exercises) == len(answers) == len(checks)
    for exercise, answer in zip(exercises, answers):
        assert "raise NotImplementedError" in exercise
        assert asked_for(exercise) <= asked_for(answer), "a solution answers another exercise"


def asked_for(source: str) -> set[str]:
    "The names that a cell defines."
    return {node.name for node in ast.parse(source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


LESSON = """
def exercise(check, attempt):
    return check(attempt)

# exercise
def double(x):
    raise NotImplementedError

exercise(lambda function: function(3) == 6, double);
"""


@pytest.mark.parametrize("answer, passes", [("x + x", True), ("x + 2", False)])
def test_nbval_runs_the_solution_and_its_check(answer, passes, tmp_path):
    define, attempt, check = LESSON.strip().split("\n\n")
    solution = f"# exercise\ndef double(x):\n    return {answer}\n"
    folded = f"<details><summary>Solution</summary>\n\n```python\n{solution}```\n\n</details>"
    new = nbformat.v4
    cells = [new.new_code_cell(define), new.new_code_cell(attempt), new.new_code_cell(check),
             new.new_markdown_cell(folded)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}
    nbformat.write(new.new_notebook(cells=cells, metadata=kernel), tmp_path / "lesson.ipynb")
    shutil.copy(ROOT / "nbs" / "conftest.py", tmp_path)
    command = ["pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) == passes, done.stdout[-2000:]
    assert ("3 passed" in done.stdout) == passes


LESSONS = sorted((ROOT / "nbs" / "course").glob("*.ipynb"))
IN_SECONDS = re.compile(r"to read, (\d+) seconds? to run")


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_a_lesson_is_short_enough_to_be_read(path):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert len(code) <= 42, f"{len(code)} code cells: about 40 is what a reader can follow"
    longest = max(code, key=lambda source: source.count("\n"))
    assert longest.count("\n") < 40, f"a cell of more than 40 lines: {longest[:80]}"
    wide = [line for source in code for line in source.splitlines() if len(line) > 110]
    assert not wide, f"more than 110 characters: {wide[0]}"


@pytest.mark.parametrize("path", LESSONS, ids=name_of)
def test_the_head_of_a_lesson_says_what_it_takes(path):
    "And what it says is what was measured, on a machine that may be half or twice as fast."
    head = nbformat.read(path, as_version=4).cells[0].source
    assert "What you will be able to do" in head and re.search(r"\| (you )?needs? \|", head)
    said = IN_SECONDS.search(head)
    assert said, "must have a row `| takes | N minutes to read, N seconds to run |`"
    measured = json.loads((ROOT / "results" / "benchmarks.json").read_text())["notebooks"]["seconds"]
    ratio = (int(said[1]) + 3) / (measured[name_of(path)] + 3)  # a kernel takes seconds to start
    assert 1 / 2 < ratio < 2, f"says {said[1]} seconds, took {measured[name_of(path)]}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_links_lead_somewhere(path):
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    bases = [path.parent, *([ROOT] if path.stem == "index" else [])]  # the index is the README as well
    lost = [target for target in targets
            if "://" not in target and not any((base / target).exists() for base in bases)]
    assert not lost, f"nothing is at {lost}"
