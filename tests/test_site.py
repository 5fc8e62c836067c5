"The site: it builds without a warning, every notebook and module has a page, and pages fit every screen."
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Watch

ROOT = Path(__file__).parent.parent
LOOKED_AT = ["index.html", "nbs/course/10_context_memory.html", "docs/teach/lessons.html", "api/memory.html"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "tools" / "site.py"), str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert built.returncode == 0, built.stdout + built.stderr  # a warning is an error: a lost link is one
    return folder / "html"


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
    assert (pages / "live.html").exists() and 'src="live.html"' in (pages / "index.html").read_text()


def test_a_page_shows_a_reader_what_a_reader_needs(pages):
    "Not what nbdev and nbval read; what a cell exports is a link to its module."
    text = (pages / "nbs" / "course" / "10_context_memory.html").read_text(encoding="utf-8")
    assert "#| export" not in text and "NBVAL_CHECK_OUTPUT" not in text
    assert 'href="../../api/memory.html"' in text and "<summary>" in text


@pytest.mark.parametrize("page", LOOKED_AT)
def test_pages_fit_wide_and_narrow_light_and_dark(browser, pages, page):
    for width, scheme in ((1300, "light"), (1300, "dark"), (420, "light"), (420, "dark")):
        shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        watch = Watch(shown, ("file:", "data:", "https://cdn.jsdelivr.net/npm/mathjax"))
        shown.goto((pages / page).as_uri(), wait_until="domcontentloaded")
        shown.wait_for_timeout(300)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert not [said for said in watch.complaints if "ERR_" not in said]  # formulas come from the network
        shown.close()


def test_words_of_the_glossary_say_what_they_mean(browser, pages):
    shown = browser.new_page()
    shown.goto((pages / "nbs" / "course" / "10_context_memory.html").as_uri(), wait_until="domcontentloaded")
    term = shown.locator("abbr.term").first
    term.wait_for()
    assert len(term.get_attribute("title")) > 20
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
