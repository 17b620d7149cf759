"""Cards as the ledger would hand them over."""

from typing import Any

from msgspec.structs import replace

from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    Origin,
    Verdict,
    compute_guid,
)


def make_card(
    kind: CardKind = CardKind.BASIC,
    *,
    own: str = "ABCD2345",
    drafted: str | None = None,
    number: int = 0,
    **fields: str,
) -> LocalCard:
    """An accepted card of one highlight in a paper."""
    document = Document(
        DocumentKey("zotero:user/PAPER123"),
        "library",
        "Test-enhanced learning",
        path="storage/PAPER123/Roediger 2006.pdf",
        creators=("Roediger, Henry", "Karpicke, Jeffrey"),
        publication_date="2006-03-01",
        identifiers=(("doi", "10.1111/j.1467-9280.2006.01693.x"),),
    )
    key = HighlightKey(f"zotero:user/{own}")
    highlight = Highlight(
        document,
        "zotero:user",
        HighlightKind.HIGHLIGHT,
        "Prior testing produced substantially greater retention than studying.",
        key=key,
        sentence="On delayed tests, however, prior testing produced substantially greater"
        " retention than studying.",
        page_label="250",
        heading="Results",
        uri=f"zotero://open-pdf/library/items/PAPER123?page=2&annotation={own}",
    )
    words = fields or {"Front": "What helps retention?", "Back": "Testing"}
    content = tuple(
        (name, words[name]) for name in kind.note_type.content_fields if name in words
    )
    guid = compute_guid(key, kind.note_type, drafted or str(number))
    return LocalCard(
        key,
        kind,
        content,
        Origin("person"),
        "greater retention",
        user_text_number=None if drafted else number,
        drafted_text_hash=drafted,
        guid=guid,
        verdict=Verdict.LIVE,
        decided_by="person",
        accepted_at="2026-01-01T00:00:00+00:00",
        passages=(highlight,),
        source_changes=(),
        keeps_last_exported_text=False,
        deck="Reading::Memory",
        tags=("memory", "ankiforge::doc::testenhancedlearning"),
    )


def with_note(card: LocalCard, **changes: Any) -> LocalCard:
    """The card with another history of its note."""
    return replace(card, note=replace(card.note, **changes))
