"""The tag `#no-llm`, and the reason why text must stay on this machine.

What decides is the tag in any case and at any place: in the text, in a comment, among
the tags of a mark or of its document. When in doubt, text is private.
"""

from __future__ import annotations

from ankiforge.model import Document, Highlight, Strings
from ankiforge.text import regex

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
_HASHTAG = regex(rf"(?i)[#＃]{TAG}(?![a-z0-9]|-[a-z0-9])")
_WORD = regex(rf"(?i)(?<![a-z0-9]){TAG}(?![a-z0-9]|-[a-z0-9])")


def has_tag(text: str) -> bool:
    """Return whether a text contains the tag with its sign: `#no-llm`."""
    return _HASHTAG.search(text) is not None


def names_tag(text: str) -> bool:
    """Return whether a text contains the name of the tag, with its sign or without."""
    return _WORD.search(text) is not None


def without_tag(text: str) -> str:
    """Return a text without the tag."""
    return _HASHTAG.sub(" ", text)


def is_tagged(tags: Strings) -> bool:
    """Return whether the tag, or a tag nested in it, is among some names of tags."""
    for tag in tags:
        name = tag.strip().lstrip("#").casefold()
        if name == TAG or name.startswith(f"{TAG}/"):
            return True
    return False


def why_document(document: Document) -> str:
    """Return why a whole document must stay on this machine; "" if it need not."""
    if document.private:
        return document.private
    return IN_ITS_NOTE if is_tagged(document.tags) else ""


def why_private(highlight: Highlight) -> str:
    """Return why a highlight must stay on this machine; "" if nothing in it says so.

    The tag may be among its tags, in anybody's comment on it, in its own words, or in
    its document's tags.
    """
    own_words = (highlight.exact, *highlight.markdown, highlight.comment)
    if is_tagged(highlight.tags) or any(map(has_tag, own_words)):
        return HERE
    return why_document(highlight.document)


def is_lone_tag(highlight: Highlight) -> bool:
    """Return whether a highlight is a note on no passage that says nothing but the tag.

    It is about its whole document, as a paragraph of a note is that has only the tag.
    """
    words = highlight.exact or highlight.comment
    if not has_tag(words):
        return False
    return not any(sign.isalnum() for sign in without_tag(words))


def private_words(highlight: Highlight) -> Strings:
    """Return the texts of a private highlight that must not leave this machine."""
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    comment = without_tag(highlight.comment)
    texts = [highlight.exact, *phrases, *highlight.markdown, comment]
    return tuple([text for text in texts if text.strip()])
