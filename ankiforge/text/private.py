"""The tag `#no-llm`, and the reason why text must stay on this machine.

What decides is the tag in any case and at any place: in the text, in a comment, among
the tags of a mark or of its document. `no_llm` and `nollm` are the same name, and a link to it,
`[[no-llm]]`, is the same tag.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import Document, Highlight, Strings
from ankiforge.text import regex
from ankiforge.text.sentences import boundaries

TAG = "no-llm"
"""The name of the tag, without `#`."""
IN_ITS_NOTE = f"kept on this machine (#{TAG} in its note)"
"""The reason for all passages of a document that is private as a whole."""
HERE = f"kept on this machine (#{TAG})"
"""The reason for a passage that is private, or that repeats one that is."""
UNREADABLE = "kept on this machine: its front matter cannot be read"
"""The reason for a note that may have the tag where nobody can read it."""

# A longer name is another tag, but `#no-llm/diary` is this one. The sign may be the
# full-width one.
_NAME = r"no[-_]?llm(?![a-z0-9]|[-_][a-z0-9])"
_LINK = rf"\[\[[#＃]?{_NAME}[^\[\]\n]{{0,100}}\]\]"
_HASHTAG = regex(rf"(?i)[#＃]{_NAME}|[#＃]?{_LINK}")
_WORD = regex(rf"(?i)(?<![a-z0-9]){_NAME}")
# Alone at the end of a text or line, behind a sentence.
_BARE = regex(rf"(?im)(?<=[.!?…。！？])[ \t]+{_NAME}[ \t]*$")
_TAG = regex(rf"(?i)[#＃]?(?:{_NAME}(?:/.*)?|{_LINK})")
# The end of a statement; a heading that asks is a name.
_FULL_STOP = regex(r"""[.!…।॥۔。！]["'”’»)\]」』]*\s*\Z""")


def has_tag(text: str) -> bool:
    """Return whether a text contains the tag with its sign: `#no-llm`."""
    return "llm" in text.casefold() and _HASHTAG.search(text) is not None


def names_tag(text: str) -> bool:
    """Return whether a text contains the name of the tag, with its sign or without."""
    return "llm" in text.casefold() and _WORD.search(text) is not None


def without_tag(text: str) -> str:
    """Return a text without the tag, also where a link to it has lost its brackets."""
    return _BARE.sub(" ", _HASHTAG.sub(" ", text))


def is_tag(text: str) -> bool:
    """Return whether a text says nothing but the tag, or nothing at all."""
    return is_tagged((text,)) or not any(map(str.isalnum, without_tag(text)))


def is_tagged(tags: Strings) -> bool:
    """Return whether the tag, or a tag nested in it, is among some names of tags."""
    return any(_TAG.fullmatch(tag.strip()) for tag in tags)


def why_document(document: Document) -> str:
    """Return why a whole document must stay on this machine; "" if it need not."""
    if document.private:
        return document.private
    files = (name for scheme, name in document.identifiers if scheme == "file")
    names = (document.title, document.path, *document.collections, *files)
    return IN_ITS_NOTE if (any(map(has_tag, names)) or is_tagged(document.tags)) else ""


def why_private(highlight: Highlight) -> str:
    """Return why a highlight must stay on this machine; "" if nothing in it says so.

    The tag may be among its tags, in anybody's comment on it, in its own words, in what
    is above it, or in its document's name and tags.
    """
    texts = (highlight.exact, *highlight.markdown, highlight.comment)
    above = (highlight.heading, *highlight.above)
    if is_tagged(highlight.tags) or any(map(has_tag, (*texts, *above))):
        return HERE
    return why_document(highlight.document)


def is_lone_tag(highlight: Highlight) -> bool:
    """Return whether a highlight is a note on no passage that says nothing but the tag.

    It is about its whole document, as a paragraph of a note is that has only the tag.
    """
    words = highlight.exact or highlight.comment
    return has_tag(words) and is_tag(words)


def tag_among(words: Iterable[str]) -> Strings:
    """Return the tag if it is, or stands in, one of the words of a catalogue, such as keywords."""
    return (TAG,) if any(is_tagged((word,)) or has_tag(word) for word in words) else ()


def is_name(text: str) -> bool:
    """Return whether a title, heading, cell or field is a name: it has no full stop."""
    words = without_tag(text)
    return not (boundaries(words) or _FULL_STOP.search(words))


def private_words(highlight: Highlight) -> Strings:
    """Return the words of a private highlight, whose sentences are private in every document."""
    texts = [highlight.exact, *highlight.markdown, without_tag(highlight.comment)]
    return tuple([text for text in texts if text.strip()])


def private_phrases(highlight: Highlight) -> Strings:
    """Return the marked phrases of a private highlight.

    Elsewhere they are private as a part of their sentence, in its own document alone, too.
    """
    return tuple([highlight.exact[start:end] for start, end in highlight.gaps])
