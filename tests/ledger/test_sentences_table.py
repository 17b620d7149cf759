"""Decided sentences, as rows: what is long, what a card is about, what is asked and offered."""

from contextlib import closing

import pytest
from msgspec.structs import replace

from ankiforge.ledger import Ledger, draft_groups
from ankiforge.ledger.database import to_json
from ankiforge.ledger.events import SOURCE, USER, SentenceDecision
from ankiforge.ledger.readings import write_highlights
from ankiforge.ledger.sentence_decisions import (
    hash_sentence,
    is_distinctive_sentence,
)
from ankiforge.ledger.tables import sentences
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Remark,
    RemarkKind,
    StoredDraft,
)
from tests.cards import made

H = "The hippocampus lies in the medial temporal lobe of the brain."
M = "In 1953 Henry Molaison lost both hippocampi in an operation."
G = "The amygdala gives every memory of fear its emotional colour."
F = "Iron is Fe."


def test_long_counts_letters_without_signs():
    assert is_distinctive_sentence("a" * 20)
    assert not is_distinctive_sentence("a" * 19)
    assert not is_distinctive_sentence("a b " * 9 + "a.")
    assert not is_distinctive_sentence("?")
    assert is_distinctive_sentence("细胞核含有染色体。")
    assert not is_distinctive_sentence("细胞核含有体。")
    assert not is_distinctive_sentence("the cell (细胞)")


def decided(*sentences, guid="", n=1, beside=(), **more):
    names = tuple(map(hash_sentence, (*sentences, *beside)))
    about = sentences[0] if sentences else ""
    decision = SentenceDecision(
        f"e{n}", sentences, guid, names, event_number=n, card_sentence=about
    )
    return replace(decision, **more)


# --- other passages -----------------------------------------------------------------------


P, Q, R = (f"vault:notes/{letter}" for letter in "pqr")


def reads(store, key, place, *words):
    """Let a highlight have these sentences now."""
    row = {"key": key, "document": 1, "position": place, "state": "present"}
    document, kind = Document(DocumentKey("d"), "", "d"), HighlightKind.HIGHLIGHT
    body = to_json(Highlight(document, "", kind, " ".join(words), key))
    row |= {"kind": "", "folded": "", "body": body}
    write_highlights(store, [row])


@pytest.fixture
def store(tmp_path):
    ledger = Ledger(tmp_path / "l.db", tmp_path, "a")
    with closing(ledger), ledger.transaction():
        for place, (key, words) in enumerate({P: (H, M), Q: (M, F), R: (G,)}.items()):
            ledger.record_event("key", key, SOURCE, {"exact": " ".join(words)})
            reads(ledger, key, place, *words)
        yield ledger


def decide(store, key, *decided, guid="", **words):
    draft = {"kind": "cloze", "fields": {"Text": f"{{{{c1::{decided[0]}}}}}"}, **words}
    body = {"guid": guid, "draft": draft} if guid else {"content": "c"}
    event = store.record_event("accept" if guid else "reject", key, USER, body)
    body = {
        "of": event.id,
        "sentences": decided,
        "passage": [],
        "facts": [],
        "guid": guid,
    }
    store.record_event("fact", key, USER, body)


def test_an_own_form_is_decided_by_no_other_own_form(store):
    names = [hash_sentence(M), hash_sentence(F)]
    decide(store, P, M, guid="af1", own=True, slot="0")
    assert not sentences.find_deciding_passages(store, names)
    decide(store, R, M)
    assert sentences.find_deciding_passages(store, names) == {hash_sentence(M): {R}}
    document, kind = Document(DocumentKey("d"), "", "d"), HighlightKind.HIGHLIGHT
    place = Highlight(document, "", kind, M, Q)
    form = made(
        StoredDraft, fields=(("Text", "The {{c1::hippocampus}}."),), user_text_number=0
    )
    for key, about, remarked in (
        (Q, names, True),
        (P, names[1:], False),
        (R, names, False),
    ):
        draft = replace(form, key=key, sentence_hashes=tuple(about))
        finder = draft_groups.RemarkFinder(store)
        finder.load([draft])
        told = list(finder.find_remarks(draft, place))
        assert (Remark(RemarkKind.DECIDED_BEFORE) in told) is remarked
