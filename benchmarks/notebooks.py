"Seconds that each notebook takes from top to bottom."
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from common import write

folder = Path(__file__).parent.parent / "nbs"
seconds = {}
for path in sorted(folder.glob("[0-9]*.ipynb")):
    notebook, began = nbformat.read(path, as_version=4), time.perf_counter()
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    seconds[path.stem] = round(time.perf_counter() - began, 1)
write("notebooks", {"seconds": seconds})
