"""Clean the notebooks as nbdev does, but keep the execution counts: nbval wants them beside outputs.

Pages of views that have a picture beside them are left out.

With --check nothing is written; the exit status says whether anything would be.
"""
import sys
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from nbdev.clean import clean_nb
from nbdev.config import get_config

ROOT = Path(__file__).parent.parent
LARGEST_PAGE = 20_000  # letters
KEPT = get_config(cfg_name="settings.ini", path=ROOT).allowed_cell_metadata_keys.split()


def cleaned(path: Path):
    "The notebook at `path`, and the same one cleaned."
    before, after = read_nb(path), read_nb(path)
    clean_nb(after, allowed_cell_metadata_keys=KEPT)
    after.metadata.pop("widgets", None)  # the state of widgets, views included
    for old, new in zip(before.cells, after.cells):
        if old.cell_type == "code":
            new.execution_count = old.execution_count
            for was, output in zip(old.outputs, new.outputs):
                if "execution_count" in was:
                    output["execution_count"] = was["execution_count"]
                pages = output.get("data", {})
                if len("".join(pages.get("text/html", ""))) > LARGEST_PAGE and "image/png" in pages:
                    del pages["text/html"]  # a view: its picture stays; running the cell gives the page
    return before, after


dirty = []
for path in sorted((ROOT / "nbs").rglob("*.ipynb")):
    if ".ipynb_checkpoints" in path.parts:
        continue
    before, after = cleaned(path)
    if before != after:
        dirty.append(str(path.relative_to(ROOT)))
        if "--check" not in sys.argv:
            write_nb(after, path)
if dirty:
    print("not clean:" if "--check" in sys.argv else "cleaned:", *dirty)
sys.exit(1 if dirty and "--check" in sys.argv else 0)
