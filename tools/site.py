"""Build the site, in site/ or in a folder: `make site`, from the outputs that are in the notebooks.

Nothing is trained, and no notebook is executed; only the views of the gallery are drawn, by a second process
while Sphinx works. The sources are laid out as in the repository, in the folder source, so that
links between them hold. Notebooks lose what only nbdev and nbval read; what a cell exports is said in a badge
that leads to the module's page. Links to files without a page lead to the repository. Sphinx does the
rest, and a warning is an error. The decks of slides lie beside the pages, and teachers' pages link them.
"""
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

import slides
from compressed_ad.insight.live import write_live
from compressed_ad.insight.views import write_gallery
from nbdev.config import get_config

ROOT = Path(__file__).parent.parent
SITE = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
SOURCE = SITE / "source"
PAGES = SITE / "html"
REPOSITORY = get_config(cfg_name="settings.ini", path=ROOT).git_url + "/blob/main/"
COLAB = "colab"  # what tools/colab_cells.py writes
FRONT = Path("docs") / "index.md"
DECKS = "site/slides/index.html"  # as the pages for teachers name it
GALLERY = SITE / "gallery.html"
IN_FRAME = """<style>.framed .live > h2, .framed .live > .lead, .framed .cad > h1 { display: none }</style>
<script>
if (parent !== window) {
  const root = document.documentElement;
  root.classList.add("framed");
  addEventListener("message", event => { root.style.colorScheme = event.data.colorScheme; });
}
</script>
"""
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def modules() -> list[str]:
    "All modules of the package, as `tasks.family`."
    package = ROOT / "compressed_ad"
    paths = (path.relative_to(package).with_suffix("") for path in sorted(package.rglob("*.py")))
    return [".".join(path.parts) for path in paths if path.name not in ("__init__", "_modidx")]


def relinked(text: str, folder: Path, staged: set[Path]) -> str:
    "Markdown of a page in `folder`, whose links to files that have no page lead to the repository."
    def link(match: re.Match) -> str:
        place, mark, heading = match[2].partition("#")
        if "://" in place or not place or place.startswith("mailto:"):
            return match[0]
        target = Path(os.path.normpath(folder / place))
        if target in staged:
            return match[0]
        return f"{match[1]}{REPOSITORY}{target.as_posix()}{mark}{heading}{match[3]}"
    return LINK.sub(link, text)


def with_slides(text: str) -> str:
    "Markdown of a page for teachers, with links to the decks; in the repository there are none to link."
    text = re.sub(r"(\[This lesson\]\(\.\./\.\./nbs/course/(\w+)\.ipynb\))",
                  r'\1 (<a href="../../slides/\2.html">slides</a>)', text)
    return text.replace(f"`{DECKS}`", '<a href="../../slides/index.html">the list of decks</a>')


def badge(module: str, folder: Path) -> nbformat.NotebookNode:
    "What stands above an exported cell."
    page = os.path.relpath(Path("api") / f"{module}.md", folder)
    text = f"[`compressed_ad.{module}`]({page})"
    return nbformat.v4.new_markdown_cell(text, metadata={"tags": ["exported"]})


def readable(notebook: nbformat.NotebookNode, folder: Path, staged: set[Path]) -> nbformat.NotebookNode:
    "A notebook as a page."
    exports = re.search(r"#\| default_exp ([\w.]+)", "\n".join(cell.source for cell in notebook.cells))
    cells = []
    for cell in notebook.cells:
        if COLAB in cell.metadata.get("tags", ()):
            continue
        if cell.cell_type != "code":
            cell.source = relinked(cell.source, folder, staged)
            cells.append(cell)
            continue
        lines = cell.source.splitlines()
        kept = [line for line in lines if not line.startswith(("#| ", "# NBVAL_"))]
        if not kept:
            continue
        if "#| export" in lines and exports:
            cells.append(badge(exports[1], folder))
        cell.source = "\n".join(kept)
        cells.append(cell)
    notebook.cells = cells
    return notebook


def stage() -> None:
    "Write the sources."
    for folder in (SOURCE, PAGES):
        shutil.rmtree(folder, ignore_errors=True)
    notebooks = [path for path in (ROOT / "nbs").rglob("*.ipynb")
                 if ".ipynb_checkpoints" not in path.parts and path.stem != "index"]
    texts = [path for path in (ROOT / "docs").rglob("*.md")]
    paths = [path.relative_to(ROOT) for path in [*notebooks, *texts]]
    api = {Path("api") / f"{module}.md" for module in modules()}
    staged = {*paths, *api, Path("index.md"), Path("docs/teach/quiz.md")}
    for path in paths:
        place = SOURCE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            page = readable(nbformat.read(ROOT / path, as_version=4), path.parent, staged)
            nbformat.write(page, place)
        elif path != FRONT:
            text = relinked((ROOT / path).read_text(encoding="utf-8"), path.parent, staged)
            place.write_text(with_slides(text), encoding="utf-8")
    front = (ROOT / FRONT).read_text(encoding="utf-8")  # its links are those of the site's root
    (SOURCE / "index.md").write_text(relinked(front, Path(), staged))
    shutil.copytree(ROOT / "docs" / "_static", SOURCE / "_static")
    shutil.copy(ROOT / "docs" / "conf.py", SOURCE)
    for module, text in api_pages():
        place = SOURCE / "api" / f"{module}.md"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    write_live(SOURCE / "_pages")
    for page in (SOURCE / "_pages").iterdir():
        frame(page)
    slides.write_slides(SOURCE / "_pages" / "slides", assets="../_static")
    write_quiz(SOURCE / "docs" / "teach" / "quiz.md")
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"(?m)^(\S[^\n]*)\n  (\S.*)$", glossary)
    words = json.dumps({term: re.sub("[`$]", "", meaning) for term, meaning in terms})
    (SOURCE / "_static" / "glossary.js").write_text(f"window.GLOSSARY = {words};\n")


def api_pages() -> Iterator[tuple[str, str]]:
    "The name and the page of each module."
    for module in modules():
        found = importlib.import_module(f"compressed_ad.{module}")
        names = "\n".join(f"   {name}" for name in getattr(found, "__all__", ()))
        name = f"compressed_ad.{module}"
        yield module, (f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n"
                       f"   :members: {', '.join(names.split())}\n   :member-order: bysource\n```\n")


def write_quiz(path: Path) -> None:
    "The questions of docs/teach/quiz.json, each lesson's together, with the answers folded."
    lessons = json.loads((ROOT / "docs" / "teach" / "quiz.json").read_text(encoding="utf-8"))
    lines = ["# Quiz", "", "A few questions for each lesson. Choose first; then unfold the answer."]
    for name, questions in lessons.items():
        lines += ["", f"## [{name}](../../nbs/course/{name}.ipynb)"]
        for number, question in enumerate(questions, 1):
            lines += ["", f"**{number}.** {question['question']}", ""]
            lines += [f"- ({letter}) {answer}" for letter, answer in zip("abcd", question["answers"])]
            right = "abcd"[question["right"]]
            why = f"({right}) {question['why']}"
            lines += ["", "<details><summary>Answer</summary>", "", why, "", "</details>"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def frame(page: Path) -> None:
    "In a frame, `page` leaves title, introduction and the choice of colours to the page that it stands in."
    text = page.read_text(encoding="utf-8")
    before, head, after = text.partition("</head>")
    page.write_text(before + IN_FRAME + head + after, encoding="utf-8")


def draw_gallery() -> None:
    "The views of the packaged model, each of which needs the model to act."
    write_gallery(GALLERY)
    frame(GALLERY)


if __name__ == "__main__":
    if sys.argv[2:] == ["gallery"]:
        sys.exit(draw_gallery())
    stage()
    alone = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}  # Sphinx has the other core
    with subprocess.Popen([sys.executable, __file__, str(SITE), "gallery"], env=alone) as drawing:
        options = ["-W", "--keep-going", "-q", "-j", "auto"]
        subprocess.run([sys.executable, "-m", "sphinx", *options, str(SOURCE), str(PAGES)], check=True)
    if drawing.returncode:
        sys.exit(drawing.returncode)
    shutil.move(GALLERY, PAGES / GALLERY.name)
    print(f"{PAGES / 'index.html'}")
