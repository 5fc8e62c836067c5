"""Put the cell that installs compressed_ad in Colab into every notebook, after its title.

It is the same everywhere but for the folder, and may be written again and again. Elsewhere than in Colab it
does nothing. JupyterLab and Colab show it folded, slides and the site leave it out. It is plain Python,
because some tests compile whole notebooks.

With --check nothing is written; the exit status says whether anything would be.
"""
import sys
from pathlib import Path

import nbformat
from nbdev.config import get_config

ROOT = Path(__file__).parent.parent
REPOSITORY = get_config(cfg_name="settings.ini", path=ROOT).git_url
NAME = REPOSITORY.rpartition("/")[2]
TAG = "colab"
METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}, "slideshow": {"slide_type": "skip"},
            "tags": [TAG]}
SOURCE = """
#@title In Colab: get compressed_ad, and leave torch as it is. Elsewhere this does nothing
import os, subprocess, sys
if "google.colab" in sys.modules:
    os.chdir("/content")
    if not os.path.exists("{name}"):
        subprocess.run("git clone -q --depth 1 {repository}", shell=True)
    os.chdir("/content/{name}/{folder}")
    subprocess.run([sys.executable, "/content/{name}/tools/colab.py"], check=True)
""".strip()


def notebooks() -> list[Path]:
    "All notebooks but the front page, which is the README."
    paths = sorted((ROOT / "nbs").rglob("*.ipynb"))
    return [path for path in paths if ".ipynb_checkpoints" not in path.parts and path.stem != "index"]


def with_cell(notebook: nbformat.NotebookNode, folder: str) -> nbformat.NotebookNode:
    """The same `notebook`, of a `folder` of the repository, with the cell.

    A cell that comes in new is run first, so that what was run before counts one up.
    """
    source = SOURCE.format(name=NAME, repository=REPOSITORY, folder=folder)
    counted = any(cell.get("execution_count") for cell in notebook.cells)
    old = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", ())]
    rest = [cell for cell in notebook.cells if cell not in old]
    if not old and counted:
        for cell in rest:
            count_up(cell)
    new = nbformat.v4.new_code_cell(source, id=TAG, metadata=METADATA)
    new.execution_count = 1 if counted else None
    place = 1 if rest and rest[0].cell_type == "markdown" else 0
    notebook.cells = [*rest[:place], new, *rest[place:]]
    return notebook


def count_up(cell: nbformat.NotebookNode) -> None:
    "One more in the execution counts of a cell and of its outputs."
    for counted in (cell, *cell.get("outputs", ())):
        if counted.get("execution_count"):
            counted.execution_count += 1


if __name__ == "__main__":
    changed = []
    for path in notebooks():
        before = nbformat.read(path, as_version=4)
        after = with_cell(nbformat.read(path, as_version=4), path.parent.relative_to(ROOT).as_posix())
        if before != after:
            changed.append(path.relative_to(ROOT).as_posix())
            if "--check" not in sys.argv:
                nbformat.write(after, path)
    if changed:
        print("without the cell for Colab:" if "--check" in sys.argv else "written:", *changed)
    sys.exit(1 if changed and "--check" in sys.argv else 0)
