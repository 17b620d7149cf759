"""Find the tag `#no-llm`, with which users keep text or documents from being sent to a model.

The tag may be in the text or comment of a highlight, or among the tags of a highlight or document,
or in a field or among the tags of a note in Anki.
Case is ignored; `no_llm`, `nollm` and the link `[[no-llm]]` count as well. In this module,
*private* means that text must not be sent to a model.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import AnkiNote, Document, Highlight, Strings
from ankiforge.text import has_letter_or_digit, regex
from ankiforge.text.sentences import find_sentence_starts

PRIVATE_TAG = "no-llm"
"""The name of the tag, without its `#`."""
PRIVATE_DOCUMENT_REASON = f"kept on this computer (#{PRIVATE_TAG} in its note)"
"""The reason given for every passage of a private document."""
PRIVATE_PASSAGE_REASON = f"kept on this computer (#{PRIVATE_TAG})"
"""The reason given for a private passage, and for any passage that repeats it."""
UNREADABLE_TAGS_REASON = "kept on this computer: its front matter cannot be read"
"""The reason given for a note with unreadable tags, since it may be private."""

# A longer name, such as `no-llm-yet`, is another tag, but `#no-llm/diary` is a subtag. `＃` is the
# full-width form of `#`.
_NAME = r"no[-_]?llm(?![a-z0-9]|[-_][a-z0-9])"
_LINK = rf"\[\[[#＃]?{_NAME}[^\[\]\n]{{0,100}}\]\]"
_HASHTAG = regex(rf"(?i)[#＃]{_NAME}|[#＃]?{_LINK}")
_WORD = regex(rf"(?i)(?<![a-z0-9]){_NAME}")
# The name of the tag at the end of a line, after the end of a sentence.
_BARE_NAME = regex(rf"(?im)(?<=[.!?…。！？])[ \t]+{_NAME}[ \t]*$")
_TAG = regex(rf"(?i)[#＃]?(?:{_NAME}(?:/.*)?|{_LINK})")
# The end of a text that isn't a name. A question mark doesn't count, because a heading may be a
# question.
_FULL_STOP = regex(r"""[.!…।॥۔。！]["'”’»)\]」』]*\s*\Z""")


def contains_private_tag(text: str) -> bool:
    """Return whether `text` contains the `no-llm` tag as a hashtag or a link."""
    return "llm" in text.casefold() and _HASHTAG.search(text) is not None


def contains_private_tag_name(text: str) -> bool:
    """Return whether `text` contains the name of the `no-llm` tag, with or without `#`."""
    return "llm" in text.casefold() and _WORD.search(text) is not None


def remove_private_tag(text: str) -> str:
    """Strip the `no-llm` tag and any links to it.

    The bare name is also removed at the end of a line, where it may be a link that lost its
    brackets.
    """
    return _BARE_NAME.sub(" ", _HASHTAG.sub(" ", text))


def is_only_private_tag(text: str) -> bool:
    """Return whether `text` has no letters or digits apart from the `no-llm` tag."""
    if has_private_tag((text,)):
        return True
    return not has_letter_or_digit(remove_private_tag(text))


def has_private_tag(tags: Strings) -> bool:
    """Return whether `tags` include the `no-llm` tag or one of its subtags."""
    return any(map(_is_private_tag, tags))


def _is_private_tag(tag: str) -> bool:
    return _TAG.fullmatch(tag.strip()) is not None


def get_document_privacy_reason(document: Document) -> str | None:
    """Return why an entire document is private, or None if it isn't."""
    if document.privacy_reason:
        return document.privacy_reason
    if has_private_tag(document.tags):
        return PRIVATE_DOCUMENT_REASON
    names = [document.title, document.path, *document.collections]
    for scheme, value in document.identifiers:
        if scheme == "file":
            names.append(value)
    if any(map(contains_private_tag, names)):
        return PRIVATE_DOCUMENT_REASON
    return None


def get_privacy_reason(highlight: Highlight) -> str | None:
    """Return why a highlight is private, or None if it isn't.

    The `no-llm` tag may be in the highlight's tags, text or comment (whoever wrote it), in the
    headings or list items above it, or in the names or tags of its document.
    """
    if has_private_tag(highlight.tags):
        return PRIVATE_PASSAGE_REASON
    texts = (
        highlight.exact,
        *highlight.markdown,
        highlight.comment,
        highlight.heading,
        *highlight.parent_items,
    )
    if any(map(contains_private_tag, texts)):
        return PRIVATE_PASSAGE_REASON
    return get_document_privacy_reason(highlight.document)


def makes_document_private(highlight: Highlight) -> bool:
    """Return whether a highlight makes its entire document private.

    It does if its text is nothing but the `no-llm` tag, or if it has no text and its comment is
    nothing but the tag.
    """
    text = highlight.exact or highlight.comment
    return contains_private_tag(text) and is_only_private_tag(text)


def is_private_note(note: AnkiNote) -> bool:
    """Return whether a note in Anki has the `no-llm` tag among its tags or in a field."""
    for tag in note.tags:
        if _is_private_tag(tag.replace("::", "/")):
            return True
    return any(map(contains_private_tag, note.fields))


def find_private_tag(keywords: Iterable[str]) -> Strings:
    """Return a tuple with the `no-llm` tag if any of the keywords contains it, or else ()."""
    for keyword in keywords:
        if _is_private_tag(keyword) or contains_private_tag(keyword):
            return (PRIVATE_TAG,)
    return ()


def is_name(text: str) -> bool:
    """Return whether a title, heading, cell, or field is a name rather than a sentence.

    A name is a single sentence without a full stop at the end.
    """
    name = remove_private_tag(text)
    if _FULL_STOP.search(name):
        return False
    return not find_sentence_starts(name)


def list_private_texts(highlight: Highlight) -> Strings:
    """Return the texts of a private highlight.

    Every sentence of these texts is private in all documents, wherever it occurs.
    """
    texts = [highlight.exact, *highlight.markdown, remove_private_tag(highlight.comment)]
    return tuple([text for text in texts if text.strip()])


def list_private_phrases(highlight: Highlight) -> Strings:
    """Return the phrases that the user highlighted inside a private highlight.

    Elsewhere, such a phrase is private only inside the same sentence, not by itself.
    """
    return tuple([highlight.exact[start:end] for start, end in highlight.gaps])
