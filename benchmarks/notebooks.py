"Seconds that each notebook takes from top to bottom."

import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from common import write

folder = Path(__file__).parent.parent / "nbs"
seconds = {}
for path in sorted(folder.rglob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}}).execute()
    seconds[path.relative_to(folder).with_suffix("").as_posix()] = round(time.perf_counter() - began, 1)
write("notebooks", {"seconds": seconds})
