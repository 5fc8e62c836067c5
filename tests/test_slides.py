"The slides: every lesson has a deck, it needs no network, and nothing on it is cut off."
import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Watch

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "nbs" / "course").glob("*.ipynb"))
SMALLEST_TEXT = 24  # pixels of 720
SMALLEST_FIGURE = 300

# Of each slide, with all its fragments: how far its content reaches beyond its frame to the right and below,
# in pixels; its size of text; its smallest figure. What KaTeX writes for readers of the screen is not seen.
MEASURED = """() => [...document.querySelectorAll("section")].map(section => {
  section.style.setProperty("display", "block", "important");
  const frame = section.querySelector(".frame"), body = frame.querySelector(".body");
  const box = body.getBoundingClientRect(), whole = frame.getBoundingClientRect();
  const seen = [...body.querySelectorAll("*")].filter(one => !one.closest(".katex-mathml, svg"))
    .map(one => one.getBoundingClientRect());
  const found = {title: frame.querySelector("h1, h2").innerText, width: whole.width, height: whole.height,
    below: Math.max(...seen.map(one => one.bottom)) - box.bottom,
    right: Math.max(...seen.map(one => one.right)) - box.right,
    scroll: frame.scrollHeight, end: box.bottom - whole.top,
    size: parseFloat(getComputedStyle(body).fontSize),
    figure: Math.min(999, ...[...body.querySelectorAll(".figure")].map(one => one.clientHeight)),
    text: [...body.querySelectorAll("p, li, td")].map(one => one.innerText).join("\\n")};
  section.style.display = "";
  return found;
})"""


def make(folder: Path, *names: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "tools" / "slides.py"), str(folder), *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def decks(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    made = make(folder)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_has_a_deck_that_needs_no_network(decks, lesson):
    text = (decks / f"{lesson.stem}.html").read_text(encoding="utf-8")
    assert 8 <= text.count("<section>") <= 15
    asked = re.findall(r'<(?:script|link|img|iframe)[^>]*?(?:src|href)="([^"]+)"', text)
    files = [name for name in asked if not name.startswith("data:")]
    assert len(files) >= 8 and all((decks / name).is_file() for name in files)
    assert "url(" not in "".join(re.findall(r"<style>.*?</style>", text, flags=re.DOTALL))
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    title = re.match("# (.*)", "".join(cells[0]["source"]))
    assert title and f"<title>{title[1]}</title>" in text and f'"{lesson.stem}.html"' in (
        decks / "index.html").read_text(encoding="utf-8")


def test_what_lies_beside_the_decks_is_complete_and_asks_for_no_network(decks):
    for style in (decks / "_static").rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert "@import" not in text
        named = [name.strip("\"'") for name in re.findall(r"url\(([^)]+)\)", text)]
        assert all(name.startswith("data:") or (style.parent / name).is_file() for name in named), style
    for folder in ("reveal", "katex"):
        assert "MIT" in (decks / "_static" / folder / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_nothing_is_cut_off_and_formulas_are_drawn(browser, decks, lesson):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    watch = Watch(page, ("file:", "data:"))
    page.goto((decks / f"{lesson.stem}.html").as_uri())
    page.wait_for_function("Reveal.isReady()")
    slides = page.evaluate(MEASURED)
    assert len(slides) == page.evaluate("Reveal.getTotalSlides()") >= 8
    for found in slides:
        assert (found["width"], found["height"]) == (1280, 720)
        assert found["below"] <= 1 and found["right"] <= 1 and found["scroll"] <= 720, found
        assert found["end"] <= 680, found  # the foot is free
        assert found["size"] >= SMALLEST_TEXT and found["figure"] >= SMALLEST_FIGURE, found
        assert "$" not in found["text"], found
    if "$$" in (decks / f"{lesson.stem}.html").read_text(encoding="utf-8"):
        assert page.locator(".katex-display").count() and not page.locator(".katex-error").count()
    assert watch.complaints == []
    page.close()


def test_an_answer_waits_and_the_rest_of_the_cell_is_in_the_notes(browser, decks):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto((decks / "03_tasks.html").as_uri() + "#/10")
    page.wait_for_function("Reveal.isReady()")
    answer = page.locator("section.present .fragment")
    assert "[80, 79, 78," in answer.text_content() and not answer.is_visible()
    page.keyboard.press("Space")
    assert answer.is_visible()
    picture = page.locator("section", has=page.locator("h2", has_text="A picture")).first
    assert "Laskin" in picture.locator(".notes").text_content()  # the cell says it, the slide does not
    assert "Laskin" not in picture.locator(".body").text_content()
    page.close()


@pytest.fixture
def tool(monkeypatch, tmp_path):
    "tools/slides.py, and a way to give it the cells of a lesson."
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import slides

    def of(*cells):
        found = []
        for kind, source, settings in cells:
            cell = {"cell_type": kind, "source": source, "id": str(len(found)),
                    "metadata": {"slideshow": settings} if settings else {}}
            picture = base64.b64encode(b"picture").decode()
            outputs = [{"output_type": "stream", "name": "stdout", "text": "said\n"},
                       {"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}]
            found.append(cell | ({"outputs": outputs, "execution_count": 1} if kind == "code" else {}))
        path = tmp_path / "99_made_up.ipynb"
        path.write_text(json.dumps({"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        return slides.slides_of(path)
    of.error = slides.SlidesError
    return of


def text_of(slide) -> str:
    return re.sub(r"<[^>]+>", "", " ".join(part.html for part in slide.parts))


def test_what_is_shown_is_what_the_metadata_names(tool):
    text = "# Head\n\nOne is. Two is. Three is.\n\n- a\n- b\n\n## Next\n\n$$x$$\n\nFour is. Five is."
    first, second, third = tool(
        ("markdown", text, {"slide_type": "slide", "show": ["Two", "- a...", "---", "$$", "Five"]}),
        ("code", "#| export\nvalue = 1", {"slide_type": "-"}),
        ("markdown", "## Left out\n\nUntagged.", None),
        ("code", "hidden = 1", {"slide_type": "slide", "show": "figure"}),
        ("markdown", "Said aloud.", {"slide_type": "notes"}))
    assert (first.title, second.title, third.title) == ("Head", "Next", "Left out")
    assert text_of(first).split() == ["Two", "is.", "a", "b"]
    assert text_of(second).split() == ["$$x$$", "Five", "is.", "value", "=", "1", "said"]
    assert [part.is_figure for part in second.parts] == [False, False, False, False, True]
    assert len(third.parts) == 1 and third.parts[0].is_figure
    assert "Three is." in first.notes[0] and "Four is." in second.notes[0] and "Said" in third.notes[0]
    assert not any("Untagged" in text_of(slide) + "".join(slide.notes) for slide in (first, second, third))


@pytest.mark.parametrize("cell, message", [
    (("markdown", "# A\n\nOne is.", {"slide_type": "slide", "show": ["Two"]}), "cell 0: show = 'Two'"),
    (("markdown", "# A\n\nOne is.", {"slide_type": "slid"}), "slide_type = 'slid': allowed are slide,"),
    (("markdown", "# A\n\nOne is.", {"slide_type": "-"}), "slide_type = '-': no slide has begun"),
    (("markdown", "# A\n\nOne is.", {"slide_type": "slide", "show": "output"}), "a list of beginnings"),
    (("code", "a = 1", {"slide_type": "slide", "show": "outputs"}), "allowed is code, output, figure"),
    (("markdown", "# A\n\nOne is.", None), "no cell is a slide"),
])
def test_metadata_that_cannot_be_meant_is_refused(tool, cell, message):
    with pytest.raises(tool.error, match=re.escape(message)):
        tool(cell)
