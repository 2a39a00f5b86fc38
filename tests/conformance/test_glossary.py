"""The glossary has the words that users meet: each of its terms is on another page, and none is there twice."""

import re
from collections import Counter

from cloud import ROOT

PAGES = [path for path in ROOT.glob("docs/**/*.md") if path.name != "glossary.md"]
PAGES += [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "web/client/README.md"]


def terms():
    """Each term of the tables' first columns; one row may have several."""
    rows = re.findall(r"^\| (?!term |---)([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), re.M)
    return [term for row in rows for term in re.findall(r"[^,()`]+", row) if term.strip()]


def test_every_term_is_on_another_page():
    text = " ".join(" ".join(path.read_text().lower().split()) for path in PAGES)
    # A word of code is the same as the term: `catch-up`, `fence`.
    unused = [term.strip() for term in terms() if term.strip().lower() not in text]
    assert len(terms()) > 50 and unused == []


def test_no_term_is_there_twice():
    counts = Counter(term.strip().lower() for term in terms())
    assert [term for term, count in counts.items() if count > 1] == []
