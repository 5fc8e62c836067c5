"""Build the site, in site/ or in a folder: `make site`, from the outputs that are in the notebooks.

    python tools/site.py [FOLDER] [--teacher]

The site is for students as well. So the notebooks of nbs/build are shown as students get them, without
solutions, hidden tests and outputs, and the exam is left out. With --teacher (`make site TEACHER=1`) the exam
is there.

Nothing is trained, and no notebook is executed; only the views of the gallery are drawn, by a second process
while Sphinx works. The sources are laid out as in the repository, in the folder source, so that
links between them hold. Notebooks lose what only nbdev and nbval read; what a cell exports is said in a badge
that leads to the module's page. Links to files without a page lead to the repository. Sphinx does the
rest, and a warning is an error. The decks of slides lie beside the pages, and teachers' pages link them.
README.md is the page of the results.
"""
import argparse
import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbgrader.preprocessors import ClearHiddenTests, ClearOutput, ClearSolutions
from traitlets.config import Config, PyFileConfigLoader

import slides
from compressed_ad.insight.live import write_live
from compressed_ad.insight.views import write_gallery
from nbdev.config import get_config

ROOT = Path(__file__).parent.parent
parser = argparse.ArgumentParser(description="Build the site.")
parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "site")
parser.add_argument("--teacher", action="store_true", help="with the exam and its marking notes")
parser.add_argument("--gallery", action="store_true", help=argparse.SUPPRESS)  # the second process
ASKED = parser.parse_args()
SITE = ASKED.folder
SOURCE = SITE / "source"
PAGES = SITE / "html"
REPOSITORY = get_config(cfg_name="settings.ini", path=ROOT).git_url + "/blob/main/"
COLAB = "colab"  # what tools/colab_cells.py writes
FRONT = Path("docs") / "index.md"
README = Path("README.md")
RESULTS = Path("results.md")  # README.md as a page
INDEX = Path("nbs") / "index.ipynb"  # what README.md is made from, in which lessons look for results
BUILD = Path("nbs") / "build"
EXAM = Path("docs") / "teach" / "exam.md"
HOW_TO_USE_SLIDES = Path("docs") / "teach" / "slides.md"
LEFT_OUT = set() if ASKED.teacher else {EXAM}
DECKS = "site/slides/index.html"  # as the pages for teachers name it
EVERYDAY = {"run", "step", "update"}  # terms that pages also use as common words: not marked
SHOWS_LIVE = "packaged_live()"  # the last line of a cell in whose place stands the page itself
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
FRAME = '<iframe class="live" src="{page}" title="An agent that learns while you watch"></iframe>'
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
WHOLE_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s#]+)[^)\s]*\)")


def modules() -> list[str]:
    "All modules of the package, as `tasks.family`."
    package = ROOT / "compressed_ad"
    paths = (path.relative_to(package).with_suffix("") for path in sorted(package.rglob("*.py")))
    return [".".join(path.parts) for path in paths if path.name not in ("__init__", "_modidx")]


def relinked(text: str, folder: Path, staged: set[Path]) -> str:
    """Markdown of a page in `folder`, whose links to files that have no page lead to the repository.

    A link to what is left out becomes plain text.
    """
    def kept(match: re.Match) -> str:
        return match[1] if Path(os.path.normpath(folder / match[2])) in LEFT_OUT else match[0]

    def link(match: re.Match) -> str:
        place, mark, heading = match[2].partition("#")
        if "://" in place or not place or place.startswith("mailto:"):
            return match[0]
        target = Path(os.path.normpath(folder / place))
        if target in staged:
            return match[0]
        if target in (README, INDEX):
            return f"{match[1]}{os.path.relpath(RESULTS, folder)}#{heading or 'results'}{match[3]}"
        return f"{match[1]}{REPOSITORY}{target.as_posix()}{mark}{heading}{match[3]}"
    return LINK.sub(link, WHOLE_LINK.sub(kept, text))


def with_slides(text: str) -> str:
    "Markdown of a page for teachers, with links to the decks; in the repository there are none to link."
    text = re.sub(r"(\[This lesson\]\(\.\./\.\./nbs/course/(\w+)\.ipynb\))",
                  r'\1 (<a href="../../slides/\2.html">slides</a>)', text)
    return text.replace(f"`{DECKS}`", '<a href="../../slides/index.html">the list of decks</a>')


def with_decks(text: str) -> str:
    "The page that explains the slides, with a list of the decks before its first section."
    before, mark, after = text.partition("\n## ")
    listed = "\n".join(f'- <a href="../../slides/{name}.html">{title}</a>' for name, title in slides.titles())
    return f"{before}\n## The decks\n\n{listed}\n{mark}{after}"


def grader_settings() -> Config:
    "What tools/nbgrader_config.py says of the students' copy. It makes a folder where it is read."
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        return PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "tools")).load_config()


def as_students_get_it(notebook: nbformat.NotebookNode, settings: Config) -> nbformat.NotebookNode:
    "A notebook of nbs/build as `make student` writes it."
    for step in (ClearSolutions, ClearHiddenTests, ClearOutput):
        notebook, _ = step(config=settings).preprocess(notebook, {})
    return notebook


def badge(module: str, folder: Path) -> nbformat.NotebookNode:
    "What stands above an exported cell."
    page = os.path.relpath(Path("api") / f"{module}.md", folder)
    return nbformat.v4.new_markdown_cell(f"Exported to [`compressed_ad.{module}`]({page}):")


def with_dashes(cell: nbformat.NotebookNode) -> None:
    "In tables, what was not measured is a dash."
    for output in cell.outputs:
        data = output.get("data", {})
        if "text/html" in data:
            data["text/html"] = data["text/html"].replace("<td>NaN</td>", "<td>–</td>")


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
        with_dashes(cell)
        cells.append(cell)
        if kept[-1] == SHOWS_LIVE:
            cell.outputs = []
            frame_of_it = FRAME.format(page=os.path.relpath("live.html", folder))
            cells.append(nbformat.v4.new_markdown_cell(frame_of_it))
    notebook.cells = cells
    return notebook


def stage_pages() -> None:
    "Write the pages that people have written: notebooks and Markdown."
    notebooks = [path for path in (ROOT / "nbs").rglob("*.ipynb")
                 if ".ipynb_checkpoints" not in path.parts and path.stem != "index"]
    texts = [path for path in (ROOT / "docs").rglob("*.md")]
    paths = {path.relative_to(ROOT) for path in [*notebooks, *texts]} - LEFT_OUT
    pictures = {path.relative_to(ROOT) for path in (ROOT / "README_files").iterdir()}
    settings = grader_settings()
    api = {Path("api") / f"{module}.md" for module in modules()}
    staged = {*paths, *api, *pictures, Path("index.md"), Path("docs/teach/quiz.md")}
    for path in paths:
        place = SOURCE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".ipynb":
            notebook = nbformat.read(ROOT / path, as_version=4)
            if path.parent == BUILD:
                notebook = as_students_get_it(notebook, settings)
            nbformat.write(readable(notebook, path.parent, staged), place)
        elif path != FRONT:
            text = relinked((ROOT / path).read_text(encoding="utf-8"), path.parent, staged)
            text = with_decks(text) if path == HOW_TO_USE_SLIDES else text
            place.write_text(with_slides(text), encoding="utf-8")
    front = (ROOT / FRONT).read_text(encoding="utf-8")  # its links are those of the site's root
    for path in LEFT_OUT:
        front = front.replace(f"{path.with_suffix('').as_posix()}\n", "")  # in the table of contents
    (SOURCE / "index.md").write_text(relinked(front, Path(), staged), encoding="utf-8")
    _, _, readme = (ROOT / README).read_text(encoding="utf-8").partition("\n")
    results = "# Results, and the project at a glance\n" + relinked(readme, Path(), staged)
    (SOURCE / RESULTS).write_text(results, encoding="utf-8")
    shutil.copytree(ROOT / "README_files", SOURCE / "README_files")


def stage() -> None:
    "Write all sources."
    for folder in (SOURCE, PAGES):
        shutil.rmtree(folder, ignore_errors=True)
    stage_pages()
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
    words = json.dumps({term: re.sub("[`$]", "", meaning) for term, meaning in terms if term not in EVERYDAY})
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
        lesson, _, subject = name.partition("_")
        title = f"{lesson} {subject.replace('_', ' ').capitalize()}"
        lines += ["", f"## [{title}](../../nbs/course/{name}.ipynb)"]
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
    if ASKED.gallery:
        sys.exit(draw_gallery())
    stage()
    alone = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}  # Sphinx has the other core
    with subprocess.Popen([sys.executable, __file__, str(SITE), "--gallery"], env=alone) as drawing:
        options = ["-W", "--keep-going", "-q", "-j", "auto"]
        subprocess.run([sys.executable, "-m", "sphinx", *options, str(SOURCE), str(PAGES)], check=True)
    if drawing.returncode:
        sys.exit(drawing.returncode)
    shutil.move(GALLERY, PAGES / GALLERY.name)
    print(f"{PAGES / 'index.html'}")
