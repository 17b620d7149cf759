"""Of several copies of an annotation of Hypothesis, the one that is read: rows."""

import json

import pytest

from ankiforge.extract.exports.hypothesis import Hypothesis
from tests.reading import highlights, opened


@pytest.mark.parametrize(
    ("copies", "comments"),
    [
        ([("a", 2, "newer"), ("a", 1, "older")], ["newer"]),
        ([("a", 1, "older"), ("a", 2, "newer")], ["newer"]),
        ([("a", 1, "first"), ("a", 1, "second")], ["second"]),
        ([("a", 2, "one"), ("b", 1, "other")], ["one", "other"]),
    ],
)
def test_the_copy_that_was_updated_last_is_read(tmp_path, copies, comments):
    page = "https://example.org/a"
    quote = {"type": "TextQuoteSelector", "exact": "Sleep heals."}
    rows = [
        {
            "id": id,
            "user": "acct:ada@hypothes.is",
            "uri": page,
            "created": "2024-05-01T10:00:00Z",
            "updated": f"2024-05-0{day}T10:00:00Z",
            "text": comment,
            "target": [{"source": page, "selector": [quote]}],
        }
        for id, day, comment in copies
    ]
    (tmp_path / "0.json").write_text(json.dumps({"rows": rows}))
    found = highlights(opened(Hypothesis.kind, tmp_path).scan())
    assert [mark.comment for mark in found] == comments
