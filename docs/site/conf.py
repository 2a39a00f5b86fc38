"""The site of the documentation, built by scripts/docs-site with Sphinx, MyST and Furo.

Its pages are the repository's Markdown files, unchanged, so GitHub and the site show the same. The navigation is the
tables of docs/README.md. A link to a file that is no page leads to the repository.
"""

import re
import tomllib
from pathlib import Path
from posixpath import dirname, join, normpath

from docutils import nodes
from docutils.parsers.rst import Directive

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["repository"]
# The home page, whose hidden tables of contents are the navigation.
HOME, INDEX = "README", "docs/README"
# Files that a page shows, and the site has beside it.
PICTURES = (".png", ".svg", ".webp")
LINK = re.compile(r"(\]\(<?)([^()\s>#]+)(#[^()\s>]*)?(?=>?\))")

project = "Longhaul"
html_title = "Longhaul"
root_doc = HOME
extensions = ["myst_parser"]
include_patterns = ["*.md", "docs/*.md", "docs/identity/*.md", "web/client/README.md", "bench/README.md", "examples/README.md", "examples/*/README.md"]
exclude_patterns = ["target", ".*", "**/node_modules", "docs/site"]
# Anchors are those that GitHub makes.
myst_heading_anchors = 6
myst_fence_as_directive = ["mermaid"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"source_repository": REPOSITORY, "source_branch": "main", "source_directory": ""}


class Mermaid(Directive):
    """A diagram, which the page's script draws."""

    has_content = True

    def run(self):
        text = nodes.Text("\n".join(self.content)).astext()
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        return [nodes.raw("", f'<pre class="mermaid">{text}</pre>', format="html")]


def navigation():
    """(heading, [(title, page)]) for each section of the index: the first link of each row of its table."""
    for section in re.split(r"^## ", (ROOT / f"{INDEX}.md").read_text(), flags=re.M)[1:]:
        rows = re.findall(r"^\| \[([^\]]+)\]\(([^)]+)\)", section, re.M)
        yield section.splitlines()[0], [(title, normpath(join("docs", page)).removesuffix(".md")) for title, page in rows]


def read_source(app, page, source):
    folder = dirname(page)

    def leads(link):
        target = normpath(join(folder, link[2]))
        if re.match(r"[a-z]+:", link[2]) or target.removesuffix(".md") in app.env.found_docs or target.endswith(PICTURES):
            return link[0]
        kind = "tree" if (ROOT / target).is_dir() else "blob"
        return f"{link[1]}{REPOSITORY}/{kind}/main/{target}{link[3] or ''}"

    # Not in blocks of code.
    parts = re.split(r"(^```.*?^```$)", source[0], flags=re.M | re.S)
    source[0] = "".join(part if part.startswith("```") else LINK.sub(leads, part) for part in parts)
    if page == HOME:
        source[0] += f"\n```{{toctree}}\n:hidden:\n\nAll pages <{INDEX}>\n```\n"
        for heading, pages in navigation():
            entries = "\n".join(f"{title} </{page}>" for title, page in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{entries}\n```\n"


def add_diagrams(app, page, template, context, doctree):
    """The script is a megabyte, so only pages with a diagram load it."""
    if 'class="mermaid"' in (context.get("body") or ""):
        app.add_js_file("mermaid.tiny.js")
        app.add_js_file("diagrams.js")


def setup(app):
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", read_source)
    app.connect("html-page-context", add_diagrams)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
