"""Highlights that only Anki still knew: found again wherever they stand now."""

from dataclasses import replace

import msgspec
import pytest

from ankiforge.model import HighlightKind, h16
from ankiforge.text.anchors import anchor_key, mark_of
from ankiforge.text.fold import canonical

APERTURE = "The aperture of a lens controls how much light enters the camera."
SHORT = "A short one."


def known(bench, key: str, exact: str, **more) -> None:
    """What recovery from Anki leaves: a key with its words, and no place."""
    highlight = bench.mark(exact, **more)
    with bench.ledger.unit():
        bench.ledger._db.execute(
            "INSERT OR IGNORE INTO document (key, source, place, title, slug, body)"
            " VALUES ('vault:lost/x', 'lost', 'x', '', '', ?)",
            (msgspec.json.encode(highlight.document).decode(),),
        )
        bench.ledger._db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence) VALUES (?, 'vault:lost/x', '', '', 0, ?, ?, '', ?,"
            " 'present')",
            (
                key,
                mark_of(highlight),
                h16(canonical(exact), highlight.kind),
                msgspec.json.encode(highlight).decode(),
            ),
        )


@pytest.mark.parametrize(
    ("key", "exact", "more"),
    [
        ("vault:notes/b.lens", "other words", {"own": "b.lens", "block": "lens"}),
        ("vault:elsewhere/0123456789abcdef", APERTURE, {}),
        ("vault:elsewhere/0123456789abcdef", "Katze::cat", {"kind": HighlightKind.CARD}),
    ],
    ids=["its own id", "many equal words", "a card by hand"],
)
def test_it_keeps_its_key(bench, key, exact, more):
    known(bench, key, exact if "own" not in more else APERTURE, kind=more.get("kind", "highlight"))
    run, settled = bench.read({"a.md": [bench.mark(exact, **more)]})
    assert bench.keys(run) == [key]
    assert settled.new == 0
    again, _ = bench.read({"a.md": [bench.mark(exact, **more)]})
    assert bench.keys(again) == [key]


def test_an_equal_anchor_in_another_vault_is_it(bench):
    there = replace(bench.mark(SHORT, "before ", " after"), namespace="vault:lost")
    known(bench, anchor_key(there, 1), "Words that Anki has in another form")
    run, _ = bench.read({"a.md": [bench.mark(SHORT, "before ", " after")]})
    assert bench.keys(run) == [anchor_key(there, 1)]


def test_a_few_equal_words_are_not_enough(bench):
    known(bench, "vault:elsewhere/0123456789abcdef", SHORT)
    run, settled = bench.read({"a.md": [bench.mark(SHORT)]})
    assert settled.new == 1
    assert bench.keys(run) != ["vault:elsewhere/0123456789abcdef"]


def test_one_is_given_to_one_only(bench):
    known(bench, "vault:elsewhere/0123456789abcdef", APERTURE)
    run, settled = bench.read({"a.md": [bench.mark(APERTURE)], "b.md": [bench.mark(APERTURE)]})
    assert len(set(bench.keys(run))) == 2
    assert settled.new == 1
