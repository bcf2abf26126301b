"""The site: `make docs` builds it into out/docs."""

import re
from importlib import metadata

project = "Sequence Search"
author = "The Sequence Search developers"
copyright = author
release = metadata.version("sequence-search")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "images"]

# Pages are read on the forge too: their links are plain ones to files and headings.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Examples run when a page has changed; an example that fails fails the build.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

autodoc_typehints = "none"  # the docstrings say shapes and units
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "tango",
}
html_show_sourcelink = False


def setup(app):
    """Take bars of magnitudes, and the asterisk of shapes, as they are, not as markup."""

    def escape(_app, _what, _name, _thing, _options, lines):
        lines[:] = [re.sub(r"([|]|(?<=\[)\*)", r"\\\1", line) for line in lines]

    app.connect("autodoc-process-docstring", escape)
