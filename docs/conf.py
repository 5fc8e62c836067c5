"How Sphinx builds the site; tools/site.py lays out the sources."
import re

from docutils import nodes

project = "compressed_ad"
author = "the authors of compressed_ad"
html_title = "compressed_ad"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "katex"
myst_update_mathjax = False
default_role = "literal"  # docstrings mark names with single backticks
autodoc_typehints = "signature"
html_theme = "sphinx_book_theme"
html_theme_options = {
    "repository_url": "https://github.com/compressed-ad/compressed_ad",
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "launch_buttons": {"binderhub_url": "https://mybinder.org",
                       "colab_url": "https://colab.research.google.com",
                       "notebook_interface": "jupyterlab"},
    "show_toc_level": 2,
    "navbar_persistent": [],  # the search field stands above the contents
}
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_extra_path = ["_pages"]  # live.html, live_maze.html
html_css_files = ["site.css"]
html_js_files = ["glossary.js", "terms.js", "frames.js"]
exclude_patterns = ["_pages"]

autodoc_inherit_docstrings = False


def escaped(app, what, name, found, options, lines):
    "A star in a docstring is a star: shapes are written (..., *shape)."
    star = re.compile(r"`[^`]*`|\*")
    lines[:] = [star.sub(lambda part: r"\*" if part[0] == "*" else part[0], line) for line in lines]


def inline_formula(self, node):
    "An inline formula, as formulas.js expects it."
    self.body.append(self.starttag(node, "span", "", CLASS="math"))
    self.body.append(f"{self.encode(node.astext())}</span>")
    raise nodes.SkipNode


def displayed_formula(self, node):
    "A formula on lines of its own."
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    self.body.append(f"{self.encode(node.astext())}</div>\n")
    raise nodes.SkipNode


def add_katex(app, pagename, templatename, context, doctree):
    "Formulas are set by the reader's browser with what lies in _static: no page asks a network."
    if context.get("has_maths_elements"):
        app.add_css_file("katex/katex.min.css")
        app.add_js_file("katex/katex.min.js", loading_method="defer")
        app.add_js_file("formulas.js", loading_method="defer")


def without_solved_copies(app, pagename, templatename, context, doctree):
    "The buttons of a page of nbs/build would open the notebook with its solutions."
    if pagename.startswith("nbs/build/"):
        context["header_buttons"] = [button for button in context["header_buttons"]
                                     if button.get("label") != "launch-buttons"]


def setup(app):
    app.connect("autodoc-process-docstring", escaped)
    app.connect("html-page-context", add_katex)
    app.connect("html-page-context", without_solved_copies, priority=600)  # the theme adds them at 501
    app.add_html_math_renderer("katex", (inline_formula, None), (displayed_formula, None))
