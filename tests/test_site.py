"""The site: it builds without a warning, every notebook and module has a page, no link is lost.

Students may see all of it: it has neither solutions nor hidden tests, and the exam only on demand.
Its pages fit every screen and need no network, from a plain folder or under a sub-path.
"""
import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import nbformat
import pytest
from conftest import Watch

ROOT = Path(__file__).parent.parent
REPOSITORY = re.search(r"(?m)^git_url = (.*)$", (ROOT / "settings.ini").read_text(encoding="utf-8"))[1]
LOOKED_AT = ["index.html", "nbs/course/10_context_memory.html", "docs/teach/lessons.html", "api/memory.html",
             "docs/corridor.html", "docs/kept.html", "docs/views.html", "results.html",
             "nbs/labs/01_how_far_back.html", "nbs/course/01_see_it.html"]
LESSON = "nbs/course/10_context_memory.html"


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "tools" / "site.py"), str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stdout + built.stderr  # a warning is an error: a lost link is one
    return folder / "html"


def written_pages(folder: Path, *options: str) -> Path:
    "The sources of the pages that people have written, without building the site."
    tools = ROOT / "tools"
    code = ("import runpy, sys; sys.path.insert(0, sys.argv[1]); del sys.argv[1]; "
            f"runpy.run_path({str(tools / 'site.py')!r})['stage_pages']()")
    command = [sys.executable, "-c", code, str(tools), str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder / "source"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def places(pages, tmp_path_factory) -> Iterator[dict[str, str]]:
    "Where the site is: in a plain folder, and on a server, under a path."
    root = tmp_path_factory.mktemp("server")
    (root / "some" / "sub").mkdir(parents=True)
    (root / "some" / "sub" / "path").symlink_to(pages)
    with ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=str(root))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://localhost:{server.server_port}/some/sub/path"
        yield {"a plain folder": pages.as_uri(), "a sub-path": address}
        server.shutdown()


def all_pages(pages: Path) -> list[Path]:
    "Not the templates that the theme leaves in _static."
    return [path for path in sorted(pages.rglob("*.html")) if "_static" not in path.parts]


def test_every_notebook_and_every_module_has_a_page(pages):
    notebooks = [path.relative_to(ROOT) for path in (ROOT / "nbs").rglob("*.ipynb")
                 if ".ipynb_checkpoints" not in path.parts and path.stem != "index"]
    assert [path for path in notebooks if not (pages / path.with_suffix(".html")).exists()] == []
    package = ROOT / "compressed_ad"
    for path in package.rglob("*.py"):
        module = ".".join(path.relative_to(package).with_suffix("").parts)
        if path.stem not in ("__init__", "_modidx"):
            assert (pages / "api" / f"{module}.html").exists()
    text = (pages / "api" / "memory.html").read_text(encoding="utf-8")
    assert "ContextMemory" in text and "All that a model knows of a history" in text
    for page, framed in (("index", "live"), ("docs/corridor", "live_maze"), ("docs/kept", "live_kept"),
                         ("docs/views", "gallery")):
        source = f'src="{"../" * page.count("/")}{framed}.html"'
        assert source in (pages / f"{page}.html").read_text(encoding="utf-8")


def test_a_page_shows_a_reader_what_a_reader_needs(pages):
    "Not what nbdev, nbval and Colab read; what a cell exports is a link to its module."
    text = (pages / LESSON).read_text(encoding="utf-8")
    assert "#| export" not in text and "NBVAL_CHECK_OUTPUT" not in text and "In Colab" not in text
    assert 'href="../../api/memory.html"' in text and "<summary>" in text


def test_students_may_see_every_page(pages):
    "No file of the site has solutions, hidden tests or the exam."
    marks = re.compile("BEGIN (?:SOLUTION|HIDDEN)|marking notes</h1>|A1. Where the learning is")
    assert marks.search("### BEGIN SOLUTION")
    files = [path for kind in ("html", "ipynb", "md", "js") for path in pages.rglob(f"*.{kind}")]
    assert len(files) > 200
    assert [path for path in files if marks.search(path.read_text(encoding="utf-8"))] == []
    assert list(pages.rglob("*exam*")) == []
    assert "thirty questions" in (pages / "docs" / "teach" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["01_source", "09_does_not_learn", "10_capstone"])
def test_a_page_of_build_is_what_students_get(pages, name):
    "Written out another way: the notebook, with what stands between the marks taken out."
    shown = nbformat.read(pages / "_sources" / "nbs" / "build" / f"{name}.ipynb", as_version=4)
    solved = nbformat.read(ROOT / "nbs" / "build" / f"{name}.ipynb", as_version=4)
    left_of = {"SOLUTION": "raise NotImplementedError  # your code\n", "HIDDEN TESTS": ""}
    expected = []
    for cell in solved.cells:
        if cell.cell_type != "code" or "colab" in cell.metadata.get("tags", ()):
            continue
        text = cell.source + "\n"
        for what, stub in left_of.items():
            text = re.sub(rf"(?s)( *)### BEGIN {what}\n.*?### END {what}\n",
                          lambda found, stub=stub: found[1] + stub if stub else "", text)
        lines = [line for line in text.rstrip("\n").split("\n") if not line.startswith(("#| ", "# NBVAL_"))]
        expected.append("\n".join(lines))
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == expected
    assert [cell.outputs for cell in code] == [[]] * len(code)
    assert ("*Write here.*" in [cell.source for cell in shown.cells]) == (name == "10_capstone")


def test_a_teacher_gets_the_exam_on_demand(tmp_path):
    usual = written_pages(tmp_path / "usual")
    assert not (usual / "docs" / "teach" / "exam.md").exists()
    assert "docs/teach/exam" not in (usual / "index.md").read_text(encoding="utf-8").split()
    asked = written_pages(tmp_path / "asked", "--teacher")
    assert "marking notes" in (asked / "docs" / "teach" / "exam.md").read_text(encoding="utf-8")
    assert "docs/teach/exam" in (asked / "index.md").read_text(encoding="utf-8").split()
    assert "[Exam](exam.md)" in (asked / "docs" / "teach" / "index.md").read_text(encoding="utf-8")
    build = asked / "nbs" / "build" / "01_source.ipynb"
    assert "BEGIN SOLUTION" not in build.read_text(encoding="utf-8")


def test_common_words_are_not_explained_as_terms(pages):
    words = (pages / "_static" / "glossary.js").read_text(encoding="utf-8")
    terms = json.loads(words.removeprefix("window.GLOSSARY = ").rstrip().removesuffix(";"))
    assert {"run", "step", "update"}.isdisjoint(terms)
    assert {"AD", "oracle", "context memory", "cleared memory"} <= set(terms)


def test_no_link_is_lost(pages):
    "Links to pages, to headings in them, and to files of the repository."
    names = {path: set(re.findall(r'\b(?:id|name)="([^"]+)"', path.read_text(encoding="utf-8")))
             for path in all_pages(pages)}
    lost, n_links = [], 0
    for path in names:
        text = re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.S)
        for target in map(html.unescape, re.findall(r'\b(?:href|src)="([^"]*)"', text)):
            place, _, mark = target.partition("#")
            file = (path.parent / unquote(place.partition("?")[0])).resolve() if place else path
            in_repository = re.fullmatch(rf"{REPOSITORY}/(?:blob|raw|tree)/main/([^#?]*).*", target)
            if in_repository:
                found = (ROOT / unquote(in_repository[1])).exists()
            elif re.match("[a-z]+:", target):
                found = not target.startswith(f"{REPOSITORY}/blob")
            else:
                found = file.exists() and (not mark or unquote(mark) in names.get(file, ()))
                n_links += 1
            if not found:
                lost.append(f"{path.relative_to(pages)}: {target}")
    assert n_links > 10_000
    assert lost == []


def test_buttons_open_notebooks_that_are_there(pages):
    for path in all_pages(pages):
        text = html.unescape(path.read_text(encoding="utf-8"))
        of_colab = re.findall(r'"https://colab\.research\.google\.com/github/([^"]*)"', text)
        of_binder = re.findall(r'"https://mybinder\.org/v2/gh/([^"]*)"', text)
        notebook = ROOT / path.relative_to(pages).with_suffix(".ipynb")
        has_buttons = notebook.exists() and notebook.parent.name != "build"  # it is there with its solutions
        assert len(of_colab) == len(of_binder) == has_buttons
        if has_buttons:
            name = REPOSITORY.removeprefix("https://github.com/")
            place = notebook.relative_to(ROOT).as_posix()
            assert of_colab == [f"{name}/blob/main/{place}"]
            assert of_binder == [f"{name}/main?urlpath=lab/tree/{place}"]


def test_nothing_is_loaded_from_a_network(pages):
    loads = re.compile(r'<(?:script|img|iframe|source|video|embed)\b[^>]*\bsrc="(?:https?:)?//[^"]*"'
                       r'|<link\b(?=[^>]*\brel="(?:stylesheet|icon|preload)")[^>]*\bhref="https?:[^"]*"')
    assert loads.search('<script defer="defer" src="https://cdn.host/a.js">')
    assert loads.search('<link rel="stylesheet" href="https://cdn.host/a.css" />')
    found = [(path.name, loads.findall(path.read_text(encoding="utf-8"))) for path in all_pages(pages)]
    assert [one for one in found if one[1]] == []
    of_styles = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//")
    styles = {path.name: path.read_text(encoding="utf-8") for path in pages.rglob("*.css")}
    assert [name for name, text in styles.items() if of_styles.search(text)] == []


def test_every_formula_can_be_set(browser, pages):
    "In the pages' HTML a formula is an element of class math with its LaTeX in it."
    math = re.compile(r'<(span|div) class="math[^"]*"[^>]*>(.*?)</\1>', flags=re.S)
    texts = {path: path.read_text(encoding="utf-8") for path in all_pages(pages)}
    formulas = {html.unescape(found[2]) for text in texts.values() for found in math.finditer(text)}
    assert len(formulas) > 300
    shown = browser.new_page()
    watch = Watch(shown, ("file:", "data:"))
    shown.goto((pages / "nbs" / "course" / "12_training.html").as_uri())
    n_formulas = len(math.findall(texts[pages / "nbs" / "course" / "12_training.html"]))
    assert shown.locator(".math").count() == n_formulas
    assert shown.locator(".math .katex-html").count() == n_formulas  # in 12_training each is one formula
    middle = """name => {
        const {x, width} = document.querySelector(name).getBoundingClientRect();
        return x + width / 2;
    }"""
    assert abs(shown.evaluate(middle, "div.math .katex-html") - shown.evaluate(middle, "div.math")) < 3
    assert shown.evaluate("document.fonts.ready.then(() => document.fonts.check('16px KaTeX_Main'))")
    refused = """formulas => formulas.flatMap(formula => {
        try { katex.renderToString(formula, {displayMode: true}); return []; }
        catch (error) { return [error.message]; }
    })"""
    assert shown.evaluate(refused, ["\\nothing{"]) != []
    assert shown.evaluate(refused, sorted(formulas)) == []
    assert watch.complaints == []
    shown.close()


@pytest.mark.parametrize("page", LOOKED_AT)
def test_pages_fit_wide_and_narrow_light_and_dark(browser, pages, page):
    for width, scheme in ((1300, "light"), (1300, "dark"), (420, "light"), (420, "dark")):
        shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        watch = Watch(shown, ("file:", "data:"))
        shown.goto((pages / page).as_uri())
        shown.wait_for_timeout(300)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert watch.complaints == []
        shown.close()


AT_GOAL = """() => {
    const [goal, agent] = [".goal", ".agent"].map(name => {
        const {x, y, width, height} = document.querySelector("svg.room " + name).getBoundingClientRect();
        return [x + width / 2, y + height / 2];
    });
    return Math.hypot(goal[0] - agent[0], goal[1] - agent[1]) < 3;
}"""


@pytest.mark.parametrize("size", [(1280, 800), (420, 800)], ids=["wide", "narrow"])
def test_a_newcomer_moves_the_goal_at_once(browser, pages, size):
    "The room is in the first screen; a click moves the goal, and the agent finds it."
    shown = browser.new_page(viewport={"width": size[0], "height": size[1]})
    shown.goto((pages / "index.html").as_uri())
    frame = shown.frame_locator("iframe.live")
    room = frame.locator("svg.room").first
    room.wait_for()
    box = room.bounding_box()
    assert box["y"] + box["height"] <= size[1]
    assert not frame.locator(".lead").first.is_visible()  # the page around it has said that
    before = frame.locator("svg.room .goal").first.bounding_box()
    room.locator("rect.cell").nth(9 * 6 + 6).click()
    after = frame.locator("svg.room .goal").first.bounding_box()
    assert (after["x"], after["y"]) != (before["x"], before["y"])
    shown.frames[1].wait_for_function(AT_GOAL, timeout=20_000)
    shown.close()


def test_the_longest_line_of_code_is_seen_whole(browser, pages):
    "110 letters, on a screen of 1280 pixels, beside both lists of contents."
    shown = browser.new_page(viewport={"width": 1280, "height": 800})
    shown.goto((pages / LESSON).as_uri())
    room = """() => {
        const code = document.querySelector(".cell_input pre"), {paddingLeft} = getComputedStyle(code);
        const letter = document.createElement("span");
        letter.textContent = "x".repeat(110);
        code.append(letter);
        const {width} = letter.getBoundingClientRect();
        letter.remove();
        return code.clientWidth - 2 * parseFloat(paddingLeft) - width;
    }"""
    assert shown.evaluate(room) >= 0
    assert shown.locator(".bd-sidebar-secondary").is_visible()
    shown.close()


def test_teachers_find_the_slides_beside_each_lesson(pages):
    guide = (pages / "docs" / "teach" / "lessons.html").read_text(encoding="utf-8")
    for lesson in (ROOT / "nbs" / "course").glob("*.ipynb"):
        assert f'href="../../slides/{lesson.stem}.html"' in guide
        deck = (pages / "slides" / f"{lesson.stem}.html").read_text(encoding="utf-8")
        assert "../_static/reveal/reveal.js" in deck
    for name in ("reveal/reveal.js", "katex/katex.min.js", "slides.css"):
        assert (pages / "_static" / name).is_file()
    book = (pages / "docs" / "teach" / "index.html").read_text(encoding="utf-8")
    assert 'href="../../slides/index.html"' in book
    listed = (pages / "docs" / "teach" / "slides.html").read_text(encoding="utf-8")
    for lesson in (ROOT / "nbs" / "course").glob("*.ipynb"):
        assert f'href="../../slides/{lesson.stem}.html"' in listed


def test_a_frame_is_as_tall_as_its_page_and_has_the_colours_of_the_site(browser, pages):
    shown = browser.new_page(color_scheme="light")
    watch = Watch(shown, ("file:", "data:"))
    shown.goto((pages / "docs" / "views.html").as_uri())
    frame = shown.frames[1]
    frame.wait_for_function("innerHeight > 3000 && innerHeight >= document.body.scrollHeight")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert frame.evaluate(paper) == "rgb(255, 255, 255)"
    shown.evaluate("document.documentElement.dataset.theme = 'dark'")
    frame.wait_for_function("getComputedStyle(document.documentElement).colorScheme === 'dark'")
    assert frame.evaluate(paper) == "rgb(20, 23, 28)"
    assert watch.complaints == []
    shown.close()


@pytest.mark.parametrize("place", ["a plain folder", "a sub-path"])
def test_the_site_works_in(browser, places, place):
    "Frame, link, figure, glossary and search; and nothing is asked of anybody else."
    root = places[place]
    shown = browser.new_page()
    watch = Watch(shown, (root, "data:"))
    shown.goto(f"{root}/index.html")
    shown.frame_locator("iframe.live").locator("svg.room").first.wait_for()
    shown.get_by_role("link", name="The context memory").first.click()
    shown.wait_for_url(f"{root}/{LESSON}")
    assert shown.evaluate("[...document.querySelectorAll('article img')].every(one => one.naturalWidth > 0)")
    term = shown.locator("abbr.term").first
    assert len(term.get_attribute("title")) > 20
    hint = shown.locator("article details").first
    inside = hint.locator("summary ~ *").first
    assert not inside.is_visible()
    hint.locator("summary").click()
    assert inside.is_visible()
    assert watch.complaints == []
    shown.goto(f"{root}/search.html?q=latents")
    found = shown.locator("ul.search li a").first
    found.wait_for()
    found.click()
    shown.wait_for_url(re.compile(re.escape(root) + r"/(?!search).*\.html.*"))
    asked = [said for said in watch.complaints if said.startswith("request")]
    assert asked == []  # from a folder, a browser lets the search read no page for its excerpts, and says so
    shown.close()


def symbols(text: str) -> set[str]:
    "All letters of the formulas in Markdown, Latin and Greek, without words and names of functions."
    prose = re.sub(r"(?s)```.*?```|`[^`]*`", "", text)
    formulas = " ".join(found[0] for found in re.finditer(r"(?s)(?<!\\)(\$\$?)[^$]+\1", prose))
    words = r"\\(?:text|operatorname|begin|end)\{[^}]*\}|\\mathrm\{(?:d|[A-Za-z]{2,})\}"
    plain = re.sub(words, " ", formulas)
    greek = set(re.findall(r"\\(?:theta|phi|pi|rho|sigma|lambda|kappa|ell|Delta)(?![a-z])", plain))
    return greek | set(re.findall("[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", plain)))


def test_the_card_of_symbols_has_every_symbol_of_the_lessons():
    assert symbols(r"a $$\theta_t = \text{no} + R'_{r'}$$ `$x$` and $\bar y \log p$") == {
        r"\theta", "t", "R", "r", "y", "p"}
    card = (ROOT / "docs" / "notation.md").read_text(encoding="utf-8")
    _, shared, *sections = re.split(r"(?m)^## ", card)
    by_lesson = {re.search(r"course/(\w+)\.ipynb", section)[1]: section for section in sections}
    lessons = sorted((ROOT / "nbs" / "course").glob("*.ipynb"))
    assert list(by_lesson) == [path.stem for path in lessons]
    missing = {}
    for path in lessons:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        missing[path.stem] = symbols(text) - symbols(shared + by_lesson[path.stem])
    assert {name: letters for name, letters in missing.items() if letters} == {}
