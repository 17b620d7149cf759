"""Find the tag `#no-llm`, by which users keep a text or a document from being sent to a model.

The tag may be in the text of a highlight, in its comment, or among the tags of the highlight or its
document. Case is ignored, and `no_llm` and `nollm` are the same tag, as is the link `[[no-llm]]`.
In this module, *private* means that a text must not be sent to a model.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import Document, Highlight, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import find_sentence_starts

PRIVATE_TAG = "no-llm"
"""The name of the tag, without its `#`."""
PRIVATE_DOCUMENT_REASON = f"kept on this computer (#{PRIVATE_TAG} in its note)"
"""The reason that is given for all passages of a private document."""
PRIVATE_PASSAGE_REASON = f"kept on this computer (#{PRIVATE_TAG})"
"""The reason that is given for a private passage, and for a passage that repeats a private one."""
UNREADABLE_TAGS_REASON = "kept on this computer: its front matter cannot be read"
"""The reason that is given for a note whose tags can't be read, because it may be private."""

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
    """Return whether a text contains the tag with its `#`, or as a link."""
    return "llm" in text.casefold() and _HASHTAG.search(text) is not None


def contains_private_tag_name(text: str) -> bool:
    """Return whether a text contains the name of the tag, with or without `#`."""
    return "llm" in text.casefold() and _WORD.search(text) is not None


def remove_private_tag(text: str) -> str:
    """Remove the tag and links to it from a text.

    The bare name at the end of a line is also removed, because it may be a link whose brackets were
    lost.
    """
    return _BARE_NAME.sub(" ", _HASHTAG.sub(" ", text))


def is_only_private_tag(text: str) -> bool:
    """Return whether a text has no letters or digits other than those of the tag."""
    return has_private_tag((text,)) or not any(map(str.isalnum, remove_private_tag(text)))


def has_private_tag(tags: Strings) -> bool:
    """Return whether the tag or one of its subtags is among these tag names."""
    return any(_TAG.fullmatch(tag.strip()) for tag in tags)


def get_document_privacy_reason(document: Document) -> str:
    """Return the reason why a whole document is private, or "" if it isn't."""
    if document.private:
        return document.private
    files = (name for scheme, name in document.identifiers if scheme == "file")
    names = (document.title, document.path, *document.collections, *files)
    return (
        PRIVATE_DOCUMENT_REASON
        if (any(map(contains_private_tag, names)) or has_private_tag(document.tags))
        else ""
    )


def get_privacy_reason(highlight: Highlight) -> str:
    """Return the reason why a highlight is private, or "" if it isn't.

    The tag may be among its tags, in its text, in anybody's comment, in the headings or list items
    above it, or in the names or tags of its document.
    """
    texts = (highlight.exact, *highlight.markdown, highlight.comment)
    above = (highlight.heading, *highlight.above)
    if has_private_tag(highlight.tags) or any(
        map(contains_private_tag, (*texts, *above))
    ):
        return PRIVATE_PASSAGE_REASON
    return get_document_privacy_reason(highlight.document)


def is_private_document_mark(highlight: Highlight) -> bool:
    """Return whether the text or the comment of a highlight consists only of the tag.

    Such a highlight makes its whole document private. The comment only counts if the highlight has
    no text.
    """
    text = highlight.exact or highlight.comment
    return contains_private_tag(text) and is_only_private_tag(text)


def find_private_tag(keywords: Iterable[str]) -> Strings:
    """Return the tag in a tuple if any keyword from a catalogue contains it, or () if none does."""
    return (
        (PRIVATE_TAG,)
        if any(
            has_private_tag((keyword,)) or contains_private_tag(keyword)
            for keyword in keywords
        )
        else ()
    )


def is_name(text: str) -> bool:
    """Return whether a title, heading, cell or field is a name and not a sentence.

    A name doesn't end with a full stop, and consists of a single sentence.
    """
    text_without_tag = remove_private_tag(text)
    return not (
        find_sentence_starts(text_without_tag) or _FULL_STOP.search(text_without_tag)
    )


def list_private_texts(highlight: Highlight) -> Strings:
    """Return the texts of a private highlight. Their sentences are private in every document."""
    texts = [highlight.exact, *highlight.markdown, remove_private_tag(highlight.comment)]
    return tuple([text for text in texts if text.strip()])


def list_private_phrases(highlight: Highlight) -> Strings:
    """Return the phrases that the user marked within a private highlight.

    In other documents, these phrases are only private if they are part of the same sentence.
    """
    return tuple([highlight.exact[start:end] for start, end in highlight.gaps])
