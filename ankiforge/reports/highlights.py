"""Format highlights and their documents as JSON and as text, without loading the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import Document, Highlight, Json
from ankiforge.text.passages import (
    remove_truncated_first_word,
    remove_truncated_last_word,
)


def get_attributes(value: object, names: Iterable[str]) -> Json:
    """Return the attributes of a value with these names as a dictionary."""
    return {name: getattr(value, name) for name in names}


def highlight_to_json(highlight: Highlight) -> Json:
    """Convert a highlight to the JSON printed by `extract --json`."""
    document = highlight.document
    return {
        "key": highlight.key,
        "source": document.source,
        "kind": highlight.kind,
        "form": highlight.form,
        "exact": highlight.exact,
        "gaps": highlight.gaps,
        "prefix": remove_truncated_first_word(highlight.prefix),
        "suffix": remove_truncated_last_word(highlight.suffix),
        "comment": highlight.comment,
        "colour": highlight.colour,
        "author": highlight.author,
        "tags": highlight.tags,
        "created": highlight.created,
        "modified": highlight.modified,
        "page_label": highlight.page_label,
        "heading": highlight.heading,
        "above": highlight.parent_items,
        "uri": highlight.uri,
        "links": highlight.links,
        "document": document_to_json(document),
    }


def document_to_json(document: Document) -> Json:
    """Convert a document's bibliographic data to JSON."""
    data = get_attributes(document, ("key", "title", "creators"))
    data["issued"] = document.publication_date
    return {**data, "identifiers": dict(document.identifiers)}


def format_title(highlight: Highlight) -> str:
    """Format the title of a highlight's document, followed by the page if known."""
    return ", ".join(filter(None, (highlight.document.title, highlight.page_or_time)))


def format_location(highlight: Highlight) -> str:
    """Format where a highlight is: the file or title, the page, and the heading."""
    document = highlight.document
    file = document.path or dict(document.identifiers).get("file") or document.title
    return ", ".join(filter(None, (file, highlight.page_or_time, highlight.heading)))
