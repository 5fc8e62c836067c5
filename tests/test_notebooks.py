"The package is what the notebooks export, the notebooks are clean, and every exercise has a solution that passes."
import filecmp
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(path for path in (ROOT / "nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    "A copy of what a commit would hold, in which the tools may write."
    folder = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".git", ".venv*", "runs", "__pycache__", ".ipynb_checkpoints", "*.egg-info"))
    return folder


def run(command: str, folder: Path) -> None:
    script = Path(sys.executable).parent / command
    subprocess.run([str(script)], cwd=folder, check=True, capture_output=True, timeout=120)


def test_export_is_the_committed_package(copy):
    run("nbdev_export", copy)
    different = [path.name for path in sorted((copy / "compressed_ad").glob("*.py"))
                 if not (ROOT / "compressed_ad" / path.name).exists()
                 or not filecmp.cmp(path, ROOT / "compressed_ad" / path.name, shallow=False)]
    assert not different, f"run `make prepare`: {different} differ from what the notebooks export"
    exported = {path.name for path in (copy / "compressed_ad").glob("*.py")}
    assert exported == {path.name for path in (ROOT / "compressed_ad").glob("*.py")}


def test_notebooks_are_clean():
    done = subprocess.run([sys.executable, str(ROOT / "tools" / "clean.py"), "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"run `make prepare`: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_come_from_one_clean_run(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    counts = [cell.execution_count for cell in cells if cell.execution_count is not None]
    assert path.stem == "index" or counts, "run the notebook; only the front page may be without outputs"
    assert counts == list(range(1, len(counts) + 1)), "run the notebook from top to bottom"
    errors = [output for cell in cells for output in cell.outputs if output.output_type in ("error",)]
    assert not errors
    prints_trouble = [output.text for cell in cells for output in cell.outputs
                      if output.output_type == "stream" and output.name == "stderr"]
    assert not prints_trouble, "a committed output holds warnings or progress bars"


def solutions(cells) -> list[str]:
    "The code of every folded solution, in order."
    found = []
    for cell in cells:
        if cell.cell_type == "markdown" and "<summary>Solution</summary>" in cell.source:
            found += re.findall(r"```python\n(# exercise\n.*?)```", cell.source, flags=re.S)
    return found


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if "# exercise" in path.read_text()], ids=lambda path: path.stem)
def test_solutions_solve_the_exercises(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    answers = solutions(notebook.cells)
    tasks = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.startswith("# exercise")]
    assert len(tasks) == len(answers), "every exercise needs one solution"
    for cell, answer in zip(tasks, answers):
        cell.source = answer
    source = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    program = ["import matplotlib", "matplotlib.use('Agg')", "from IPython.display import display", source]
    script = tmp_path / "solved.py"
    script.write_text("\n".join(program))
    done = subprocess.run([sys.executable, str(script)], cwd=path.parent, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "not solved yet" not in done.stdout and "not right yet" not in done.stdout, done.stdout[-2000:]
    assert done.stdout.count("solved\n") >= len(answers)
