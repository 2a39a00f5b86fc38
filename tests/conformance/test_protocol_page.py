"""The frames that docs/protocol.md shows are those of the golden transcripts, so that none of them is invented or old."""

import re

from cloud import ROOT

FRAME = re.compile(r"^\w+ [→←] \{.*\}$", re.MULTILINE)


def frames(path):
    return FRAME.findall(path.read_text())


def test_every_frame_of_the_page_is_in_a_transcript():
    recorded = {frame for path in (ROOT / "tests" / "transcripts").glob("*.txt") for frame in frames(path)}
    shown = frames(ROOT / "docs" / "protocol.md")
    assert len(shown) > 20
    assert [frame for frame in shown if frame not in recorded] == []
