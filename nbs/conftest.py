"""`pytest --nbval` runs each notebook once, as a reader who has solved every exercise.

The code of an exercise (a cell that starts with `# exercise`) is replaced by its folded solution, and its
check must say that it is solved. All other cells run as they stand.
"""
import re


def solutions(cells) -> list[str]:
    "The code of every folded solution, in order."
    folded = [cell.source for cell in cells
              if cell.cell_type == "markdown" and "<summary>Solution</summary>" in cell.source]
    found = [re.findall(r"```python\n(# exercise\n.*?)```", text, flags=re.S) for text in folded]
    return [code for codes in found for code in codes]


def pytest_collection_modifyitems(items):
    answers: dict = {}
    for item in items:
        cell = getattr(item, "cell", None)  # only the items of nbval have one
        if cell is None:
            continue
        left = answers.setdefault(item.parent, iter(solutions(item.parent.nb.cells)))
        if cell.source.startswith("# exercise"):
            cell.source = next(left)
        cell.source = re.sub(r"^exercise\(", "assert exercise(", cell.source, flags=re.M)
