"""Drafts and cards for tables: what a row does not say is filled in."""

from typing import Any, TypeVar

from ankiforge.model import (
    Card,
    CardContent,
    CardKind,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Verdict,
)

W = TypeVar("W", bound=CardContent)

PLACE = Highlight(Document(DocumentKey("d"), "", "d"), "", HighlightKind.HIGHLIGHT, "")
_UNSAID: dict[str, Any] = {
    "key": HighlightKey("k"),
    "kind": CardKind.CLOZE,
    "fields": (),
    "origin": Origin("llm"),
    "answer": "",
    "start": 0,
    "id": "dr1",
    "offer_id": "",
    "sentence_hashes": (),
    "revised_guid": None,
    "replaced_guid": None,
    "similar_removed_sentence": "",
    "after_event_number": 0,
    "remarks": (),
    "guid": Guid("af1"),
    "drafted_text_hash": None,
    "verdict": Verdict.LIVE,
    "decided_by": "person",
    "accepted_at": "",
    "passages": (PLACE,),
    "source_changes": (),
    "keeps_last_exported_text": False,
}


def made(type: type[W], **said: Any) -> W:
    """Return a value of a type of `ankiforge.model.cards`, with what is said of it."""
    unsaid = {name: _UNSAID[name] for name in type.__struct_fields__ if name in _UNSAID}
    return type(**{**unsaid, **said})


def card_of(draft: CardContent, **said: Any) -> Card:
    """Return the card of a draft that somebody accepted."""
    words = {name: getattr(draft, name) for name in CardContent.__struct_fields__}
    return made(Card, **{**words, **said})
