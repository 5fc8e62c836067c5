"""Write a deck of slides for each lesson, in site/slides/ or in a folder: `make slides`, without a network.

    python tools/slides.py [FOLDER [LESSON ...]]

A lesson says in the metadata of its cells what is on its slides; docs/teach/slides.md explains how. Of a
Markdown cell a slide shows the sentences, lists, formulas and tables that are named, and the rest of the cell
goes into the speaker notes. Lessons and slides are one text, and none of it is executed here. The page itself
makes text as large as fits a slide of 1280x720; tests/test_slides.py finds slides that are too full.
"""
import html
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent

import nbformat
from nbconvert.filters import Highlight2HTML, markdown2html, strip_ansi
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).parent.parent
LESSONS = ROOT / "nbs" / "course"
ASSETS = ROOT / "docs" / "_static"
TYPES = ("slide", "subslide", "fragment", "-", "notes", "skip")  # those of nbconvert
NEW = ("slide", "subslide")  # a deck is one line, so that nobody who goes to the next slide misses one
SHOWN = ("code", "output", "figure")  # of a code cell; without a word, code and output
ROOM = 1110  # pixels for a line of code
CODE_SIZES = (28, 26, 24, 22, 20, 18, 17, 16)  # pixels
TEXT_SIZES = {"largest": 36, "beside_a_figure": 28, "smallest": 24}
LETTER = 0.605  # the width of a letter of code, as a share of its size
REST, NEXT = "...", "---"  # in `show`: to the end of the block; another slide begins
WHOLE = ("#", "```", "|", "$$", "<")  # blocks that begin so are not cut
BETWEEN_SENTENCES = re.compile(r"((?<!^\d)[.?!][*\"')]*)\s+(?=[A-Z*$`\"'(\[])")

SECTION = """<section><div class="frame"><h{level}>{title}</h{level}>
<div class="body">{parts}</div>
<div class="foot">{foot}</div></div>{notes}</section>"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{assets}/reveal/reset.css">
<link rel="stylesheet" href="{assets}/reveal/reveal.css">
<link rel="stylesheet" href="{assets}/katex/katex.min.css">
<style>{colours}</style>
<link rel="stylesheet" href="{assets}/slides.css">
</head><body><div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="{assets}/katex/katex.min.js"></script>
<script src="{assets}/katex/auto-render.min.js"></script>
<script src="{assets}/reveal/reveal.js"></script>
<script src="{assets}/reveal/notes.js"></script>
<script>
renderMathInElement(document.body, {{
  delimiters: [{{left: "$$", right: "$$", display: true}}, {{left: "$", right: "$", display: false}}]}});
const sections = [...document.querySelectorAll("section")];
for (const section of sections) section.style.display = "block";
document.fonts.ready.then(() => {{  // the largest text with which a slide is not too full
  for (const body of document.querySelectorAll(".body")) {{
    const formulas = body.querySelectorAll(".katex-display"), width = body.clientWidth;
    const largest = body.querySelector(".figure") ? {beside_a_figure} : {largest};
    for (let size = largest; size >= {smallest}; size -= 2) {{
      body.style.fontSize = size + "px";
      for (const formula of formulas) {{
        formula.style.fontSize = "";
        formula.style.fontSize = Math.min(1, width / formula.scrollWidth) + "em";
      }}
      const end = body.lastElementChild.getBoundingClientRect().bottom;  // that of a fragment, too
      if (end <= body.getBoundingClientRect().bottom && body.scrollWidth <= width) break;
    }}
  }}
  for (const section of sections) section.style.display = "";
  Reveal.initialize({{width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t",
    controls: false, transition: "none", backgroundTransition: "none", plugins: [RevealNotes]}});
}});
</script></body></html>
"""

INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Slides</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="{assets}/slides.css">
</head><body class="list"><h1>Slides</h1><ol>
{entries}
</ol></body></html>
"""


class SlidesError(ValueError):
    "A lesson whose metadata cannot be made into slides."


@dataclass(frozen=True)
class Part:
    "Something on a slide, as HTML."
    html: str
    is_figure: bool = False
    is_fragment: bool = False

    @property
    def css(self) -> str:
        "The classes of its element."
        return "part" + " grows" * self.is_figure + " fragment" * self.is_fragment


@dataclass
class Slide:
    title: str
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def blocks_of(source: str) -> list[str]:
    "The blocks of a Markdown text; fenced code, a table or a formula is one block."
    blocks, fenced = [""], False
    for line in source.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        if line.strip() or fenced:
            blocks[-1] += line + "\n"
        else:
            blocks.append("")
    return [block.rstrip("\n") for block in blocks if block.strip()]


def lines_of(block: str) -> list[list[str]]:
    "The items of a list, or the one line that a paragraph is, each as its sentences. The rest stays whole."
    if block.startswith(WHOLE):
        return [[block]]
    lines = block.splitlines() if re.match(r"(-|\d+\.) ", block) else [block]
    return [BETWEEN_SENTENCES.sub(r"\1\n", line).split("\n") for line in lines]


def pieces(source: str, show: list[str] | None, place: str) -> Iterator[tuple[str, str]]:
    """What happens in a Markdown cell, in order: ("heading", text), ("slide", ""), ("shown" or "left", text).

    Each entry of `show` is the beginning of the next sentence that is shown, or of the next list item,
    formula, table or drawing. With `...` at its end, it goes on to the end of the paragraph or list; `---`
    begins a slide. Without `show` everything is shown.
    """
    wanted = None if show is None else list(show)
    for block in blocks_of(source):
        if block.startswith("#"):
            yield "heading", block.lstrip("# ")
            continue
        shown, left, all_the_rest = "", "", wanted is None
        for line in lines_of(block):
            between = "\n"
            for sentence in line:
                following = wanted[1] if wanted and wanted[0] == NEXT and len(wanted) > 1 else None
                if following and sentence.startswith(following.removesuffix(REST)):
                    if shown:
                        yield "shown", shown.strip()
                    yield "slide", wanted.pop(0)
                    shown = ""
                if wanted and sentence.startswith(wanted[0].removesuffix(REST)):
                    all_the_rest = wanted.pop(0).endswith(REST)
                    shown += between + sentence
                elif all_the_rest:
                    shown += between + sentence
                else:
                    left += between + sentence
                between = " "
        if shown:
            yield "shown", shown.strip()
        if left:
            yield "left", left.strip()
    if wanted:
        raise SlidesError(f"{place}: show = {wanted[0]!r}: nothing that follows begins like this")


def rendered(text: str) -> str:
    "Markdown as HTML. A link to a lesson leads to its deck; other files do not lie beside the slides."
    def link(match: re.Match) -> str:
        label, place = match[1], match[2].partition("#")[0]
        if "://" in place:
            return match[0]
        is_lesson = (LESSONS / place).is_file() and "/" not in place
        return f"[{label}]({Path(place).with_suffix('.html')})" if is_lesson else label
    return markdown2html(re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", link, text))


def in_line(text: str) -> str:
    "Markdown within a line, as HTML."
    return rendered(text).strip().removeprefix("<p>").removesuffix("</p>")


def code_size(text: str) -> int:
    "The largest size at which lines of code fit the width of a slide; at the smallest they are broken."
    longest = max(map(len, text.splitlines()), default=1)
    return next((size for size in CODE_SIZES if size * LETTER * longest <= ROOM), CODE_SIZES[-1])


def printed(text: str) -> Part:
    size = code_size(text)
    return Part(f'<pre class="printed" style="font-size: {size}px">{html.escape(text)}</pre>')


def text_part(text: str) -> Part:
    "A block of Markdown; drawings and formulas in letters keep their lines."
    return printed(dedent(text.strip("`")).strip("\n")) if text.startswith("```") else Part(rendered(text))


def code_parts(cell: nbformat.NotebookNode, show: str | None) -> Iterator[Part]:
    "The code of a cell without what only nbdev and nbval read, what it printed, its tables and figures."
    if show in (None, "code"):
        lines = [line for line in cell.source.splitlines() if not line.startswith(("#| ", "# NBVAL_"))]
        code = "\n".join(lines).strip()
        coloured = Highlight2HTML(pygments_lexer="ipython3")(code)
        yield Part(f'<div style="font-size: {code_size(code)}px">{coloured}</div>')
    if show == "code":
        return
    said = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    if said.strip() and show != "figure":
        yield printed(strip_ansi(said).strip("\n"))
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/svg+xml" in data:
            yield Part(f'<div class="figure">{data["image/svg+xml"]}</div>', is_figure=True)
        elif "image/png" in data:
            source = "data:image/png;base64," + data["image/png"].replace("\n", "")
            yield Part(f'<div class="figure"><img alt="figure" src="{source}"></div>', is_figure=True)
        elif "text/html" in data:
            yield Part(data["text/html"])
        elif "text/plain" in data:
            yield printed(data["text/plain"])


def settings_of(cell: nbformat.NotebookNode, place: str) -> tuple[str, list[str] | str | None]:
    "What the metadata of a cell says: its type, and what is shown of it."
    found = cell.metadata.get("slideshow", {})
    kind, show = found.get("slide_type", "skip"), found.get("show")
    if kind not in TYPES:
        raise SlidesError(f"{place}: slide_type = {kind!r}: allowed are {', '.join(TYPES)}")
    is_text = cell.cell_type == "markdown"
    if show is not None and not (isinstance(show, list) if is_text else show in SHOWN):
        allowed = "a list of beginnings" if is_text else ", ".join(SHOWN)
        raise SlidesError(f"{place}: show = {show!r}: allowed is {allowed}")
    return kind, show


def slides_of(path: Path) -> list[Slide]:
    "The slides of a lesson. The title of a slide is the heading under which its first piece stands."
    slides: list[Slide] = []
    title = ""
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        place = f"{path.name}, cell {number}"
        kind, show = settings_of(cell, place)
        begins = kind in NEW
        if kind not in (*NEW, "notes", "skip") and not slides:
            raise SlidesError(f"{place}: slide_type = {kind!r}: no slide has begun")
        if cell.cell_type == "code":
            if begins:
                slides.append(Slide(title))
            if kind not in ("notes", "skip"):
                slides[-1].parts += [replace(part, is_fragment=kind == "fragment")
                                     for part in code_parts(cell, show)]
            continue
        for event, text in pieces(cell.source, [] if kind in ("notes", "skip") else show, place):
            if event == "heading":
                title = text
            elif event == "slide":
                begins, kind = True, "slide"
            elif event == "shown":
                if begins:
                    slides.append(Slide(title))
                    begins = False
                slides[-1].parts.append(replace(text_part(text), is_fragment=kind == "fragment"))
            elif kind != "skip" and not begins and not text.startswith("<"):
                slides[-1].notes.append(rendered(text))
    if not slides:
        raise SlidesError(f"{path.name}: no cell is a slide")
    return slides


def page_of(slides: list[Slide], lesson: str, assets: str) -> str:
    "The page of a deck; `assets` is where reveal.js and KaTeX lie, seen from it."
    name = in_line(slides[0].title)
    sections = []
    for number, slide in enumerate(slides):
        parts = [f'<div class="{part.css}">{part.html}</div>' for part in slide.parts]
        notes = f'<aside class="notes">{"".join(slide.notes)}</aside>' if slide.notes else ""
        sections.append(SECTION.format(
            title=in_line(slide.title), level=2 if number else 1, parts="\n".join(parts), notes=notes,
            foot=f"{lesson} · {name}"))
    colours = HtmlFormatter().get_style_defs(".highlight")
    return PAGE.format(name=name, assets=assets, colours=colours, slides="\n".join(sections), **TEXT_SIZES)


def lessons() -> list[Path]:
    "The notebooks of the lessons, in reading order; 05b comes after 05."
    return sorted(LESSONS.glob("*.ipynb"), key=lambda path: path.stem.partition("_")[0])


def titles() -> Iterator[tuple[str, str]]:
    "The name and the title of each deck, as HTML: `05_tokens` and what stands first in that lesson."
    for path in lessons():
        title = in_line(slides_of(path)[0].title)
        yield path.stem, f"{path.stem.partition('_')[0]} · {title}"


def write_slides(folder: Path, assets: str, names: Collection[str] = ()) -> None:
    """Write the decks, of all lessons or of `names` (`05_tokens`), and a page that lists them.

    `assets` is where reveal.js and KaTeX lie, seen from the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for path in lessons():
        if names and path.stem not in names:
            continue
        slides, lesson = slides_of(path), path.stem.partition("_")[0]
        (folder / f"{path.stem}.html").write_text(page_of(slides, lesson, assets), encoding="utf-8")
        title = in_line(slides[0].title)
        entries.append(f'<li><a href="{path.stem}.html">{lesson} · {title}</a></li>')
    page = INDEX.format(assets=assets, entries="\n".join(entries))
    (folder / "index.html").write_text(page, encoding="utf-8")


def copy_assets(folder: Path) -> None:
    "Copy what the decks need into `folder`."
    for name in ("reveal", "katex"):
        shutil.copytree(ASSETS / name, folder / name, dirs_exist_ok=True)
    shutil.copy(ASSETS / "slides.css", folder)


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site" / "slides"
    write_slides(place, "_static", sys.argv[2:])
    copy_assets(place / "_static")
    print(place / "index.html")
