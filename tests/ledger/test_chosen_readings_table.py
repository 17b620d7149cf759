"""In which containers chosen passages are looked for, and where they were last read."""

import pytest
from msgspec.structs import replace

from ankiforge.ledger import Ledger
from ankiforge.ledger.chosen_passages import BY_CHAT, record_chosen_passage
from ankiforge.ledger.ingest import ingest_scan_results
from ankiforge.ledger.readings import StoredDocumentLookup
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    ScanEnd,
    hints,
)

TEXT = "Losses hurt about twice as much as equal gains please."


def make_highlight(name: str) -> Highlight:
    document = Document(DocumentKey(name), name, "Losses", path="Psy/losses.md")
    return Highlight(document, "vault", HighlightKind.HIGHLIGHT, exact=TEXT)


@pytest.mark.parametrize(
    ("in_use", "is_read", "asked", "expected"),
    [
        ({"n", "m"}, True, "vault:n", True),
        ({"n", "m"}, True, "vault:m", False),  # it is where it was
        ({"m"}, True, "vault:m", True),  # its source is read no more
        ({"n", "m"}, False, "vault:m", True),  # it is not found where it was
        ({"m"}, True, "pdf:m", False),
    ],
)
def test_choices_are_found_where_their_documents_may_be(
    tmp_path, in_use, is_read, asked, expected
):
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        highlight = make_highlight("n")
        with ledger.action():
            choice = record_chosen_passage(
                ledger, highlight, "vault:n", ("Psy/losses.md", 0), BY_CHAT
            )
        if is_read:
            read(ledger, choice, "n")
        found = StoredDocumentLookup(ledger, "", frozenset(in_use)).find_choices(asked)
        assert bool(found) is expected


def read(ledger: Ledger, choice: str, name: str, text: str = TEXT) -> None:
    hint = hints.make_choice_hint(choice)
    highlight = replace(make_highlight(name), exact=text, hints=(hint,))
    sightings = [
        ExtractedDocument(highlight.document, (highlight,), f"vault:{name}"),
        ScanEnd(name, f"vault:{name}", complete=True),
    ]
    ingest_scan_results(ledger, sightings, configured_sources=frozenset({name}))


def test_a_chosen_passage_was_last_read_in_the_container_to_which_it_moved(tmp_path):
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        with ledger.action():
            place = ("Psy/losses.md", 0)
            choice = record_chosen_passage(
                ledger, make_highlight("n"), "vault:n", place, BY_CHAT
            )
        for name in ("n", "m"):
            read(ledger, choice, name)
        lookup = StoredDocumentLookup(ledger, "", frozenset({"n", "m"}))
        assert [bool(lookup.find_choices(f"vault:{name}")) for name in "nm"] == [
            False,
            True,
        ]
