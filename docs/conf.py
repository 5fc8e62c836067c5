"How Sphinx builds the site; tools/site.py lays out the sources."
import re

project = "compressed_ad"
author = "the authors of compressed_ad"
html_title = "compressed_ad"
extensions = ["myst_nb", "sphinx.ext.autodoc"]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
default_role = "literal"  # docstrings mark names with single backticks
autodoc_typehints = "signature"
html_theme = "sphinx_book_theme"
html_theme_options = {
    "repository_url": "https://github.com/compressed-ad/compressed_ad",
    "path_to_docs": "",
    "use_repository_button": True,
    "launch_buttons": {"binderhub_url": "https://mybinder.org",
                       "colab_url": "https://colab.research.google.com"},
    "show_toc_level": 2,
}
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_extra_path = ["_pages"]  # live.html, live_maze.html
html_css_files = ["site.css"]
html_js_files = ["glossary.js", "terms.js"]
exclude_patterns = ["_pages"]

autodoc_inherit_docstrings = False


def escaped(app, what, name, found, options, lines):
    "A star in a docstring is a star: shapes are written (..., *shape)."
    star = re.compile(r"`[^`]*`|\*")
    lines[:] = [star.sub(lambda part: r"\*" if part[0] == "*" else part[0], line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", escaped)
