"""How Sphinx makes pages of docs/: `make docs`. Nothing on them comes from another host."""

project = "Text-Engine"
author = "The Text-Engine developers"
copyright = f"2026, {author}. MIT License"

extensions = ["myst_parser", "docs.tables"]
exclude_patterns = ["_build", "tests", "__pycache__"]
# As hosts of code show the same files: an anchor for each heading, pictures with a width, the quotes as written.
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
smartquotes = False

html_theme = "furo"
html_title = "Text-Engine"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}
