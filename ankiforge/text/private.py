"""The tag `#no-llm`, and the reason why text must stay on this machine.

What decides is the tag in any case and at any place: in the text, in a comment, among
the tags of a mark or of its document. When in doubt, text is private: a document with a
spelling that looks like the tag is so until a person says that it is none.

Tested by `tests/text/test_private_table.py` and `tests/laws/test_private_spellings.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.model import Document, Highlight, Strings
from ankiforge.text import regex

TAG = "no-llm"
"""The name of the tag, without `#`."""
IN_ITS_NOTE = f"kept on this machine (#{TAG} in its note)"
"""The reason for all passages of a document that is private as a whole."""
HERE = f"kept on this machine (#{TAG})"
"""The reason for a passage that is private, or that repeats one that is."""
LOOKS_SO = f"kept on this machine: `{{}}` looks like #{TAG}"
"""The reason for a document until a person says that a spelling is not the tag."""
UNREADABLE = "kept on this machine: its front matter cannot be read"
"""The reason for a note that may have the tag where nobody can read it."""

# A longer name is another tag, but `#no-llm/diary` is this one. The sign may be the
# full-width one.
_HASHTAG = regex(rf"(?i)[#＃]{TAG}(?![a-z0-9]|-[a-z0-9])")
_WORD = regex(rf"(?i)(?<![a-z0-9]){TAG}(?![a-z0-9]|-[a-z0-9])")

# What looks like the tag: the letters of "no" and "llm", or such as look like them, with any
# signs between. Something may follow, but `#no-llms-here` is about models.
_ENTITY = r"&(?:\#x?[0-9a-f]{1,6}|[a-z]{2,8});"
_SIGN = rf"(?:[^\w\s]|_|{_ENTITY})"
_INSIDE = r"(?:[^\w\s]|_){0,2}"
_NO = rf"[nｎոпɴ]{_INSIDE}[oｏоοօ0ø]"
_LLM = rf"[lｌі1|ⅼӏɩ]{_INSIDE}[lｌі1|ⅼӏɩ]{_INSIDE}[mｍмⅿ]"
_MORE = r"(?!s[-_]?[^\W_])[\w/-]{0,100}"
_LETTERS = rf"{_NO}(?:[^\S\n]|{_SIGN}){{0,6}}{_LLM}{_MORE}"
# The same, but not as two words: "no LLM" is one only where nothing else can be meant.
_JOINED = rf"{_NO}(?:[^\S\n]{{0,3}}{_SIGN}{{1,6}}[^\S\n]{{0,3}})?{_LLM}{_MORE}"
_WITHIN = r"(?:[\w.-]{1,50}/)?"
# The letters in a text that is casefolded, which a search finds much faster there.
_FOLDED = regex(_LETTERS.removesuffix(_MORE))
_FOLDED_END = regex(_LLM)
_NAME = regex(rf"(?i){_LETTERS}")
_LIKE_TAG = regex(
    # a hash, maybe of a tag around it, or with brackets, quotes and signs of Markdown
    rf"(?i)(?:[#＃﹟]|&(?:num|\#35|\#x23);)"
    rf"(?:(?:[^\s#]{{0,100}}{_SIGN})?{_LETTERS}|[^\S\n]{{1,3}}{_SIGN}{{0,6}}{_JOINED})"
    # signs of other tags: `.name`, `@name`, `:name:`, `[[name]]`, `class="name"`
    rf"|(?:(?<![^\s(\[{{])(?:[.@+!:~$%<{{]|\[\[)|=[\"']?){_JOINED}"
)
_LIKE_FIELD = regex(
    # a line that is the name and nothing else
    rf"(?im)^[^\w\n]{{0,20}}{_LETTERS}[^\w\n]{{0,20}}$"
    # the key of a field
    rf"|(?:^[^\w\n]{{0,20}}|[\[({{][ \t\"']{{0,9}}){_WITHIN}{_LETTERS}[^\w\n:=]{{0,4}}[:=]"
    # a value of a field
    rf"|^[^\w\n]{{0,20}}\w[\w -]{{0,40}}[^\w\n:=]{{0,4}}(?:::?|=)(?:[^\n]{{0,400}}[,;])?"
    rf"[^\w\n]{{0,9}}{_WITHIN}{_JOINED}[^\w\n]{{0,9}}(?:[,;]|$)"
)
_LIKE_NAME = regex(rf"(?i)(?<![^\W_])(?![#＃]){_SIGN}{{0,6}}{_LETTERS}")


def may_name_tag(text: str) -> bool:
    """Return whether there is anything in a text that is the name of the tag or looks like it."""
    folded = text.casefold()
    return bool(_FOLDED_END.search(folded) and _FOLDED.search(folded))


def spelling_like_tag(text: str) -> str:
    """Return the first spelling in a text that looks like `#no-llm` and is none, or ""."""
    if not (may_name_tag(text) and _NAME.search(text)):
        return ""
    for pattern in (_LIKE_TAG, _LIKE_FIELD):
        for spelling in pattern.finditer(text):
            if not has_tag(spelling[0]):
                return spelling[0].strip()
    return ""


def spelling_like_name(tags: str) -> str:
    """Return the first spelling among some tags that looks like `no-llm` and is none, or ""."""
    for spelling in _LIKE_NAME.finditer(tags):
        if not names_tag(spelling[0]):
            return spelling[0].strip()
    return ""


def has_tag(text: str) -> bool:
    """Return whether a text contains the tag with its sign: `#no-llm`."""
    return TAG in text.casefold() and _HASHTAG.search(text) is not None


def names_tag(text: str) -> bool:
    """Return whether a text contains the name of the tag, with its sign or without."""
    return TAG in text.casefold() and _WORD.search(text) is not None


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
    files = (name for scheme, name in document.identifiers if scheme == "file")
    names = (document.title, document.path, *document.collections, *files)
    return IN_ITS_NOTE if (any(map(has_tag, names)) or is_tagged(document.tags)) else ""


def why_private(highlight: Highlight) -> str:
    """Return why a highlight must stay on this machine; "" if nothing in it says so.

    The tag may be among its tags, in anybody's comment on it, in its own words, in what
    is above it, or in its document's name and tags.
    """
    if is_tagged(highlight.tags) or any(map(has_tag, _words_about(highlight))):
        return HERE
    return why_document(highlight.document)


def _words_about(highlight: Highlight) -> Strings:
    """Return the texts of a highlight, and those above it."""
    above = (highlight.heading, *highlight.above)
    return (highlight.exact, *highlight.markdown, highlight.comment, *above)


def is_lone_tag(highlight: Highlight) -> bool:
    """Return whether a highlight is a note on no passage that says nothing but the tag.

    It is about its whole document, as a paragraph of a note is that has only the tag.
    """
    words = highlight.exact or highlight.comment
    if not has_tag(words):
        return False
    return not any(sign.isalnum() for sign in without_tag(words))


def doubtful_tags(kind: str, words: Iterable[str]) -> Strings:
    """Return the words of a catalogue, such as keywords, that name the tag, as tags in doubt.

    A publisher may have written them: they are about the work, not about its reader.
    """
    return tuple(
        f"{kind}:{word}" for word in words if names_tag(word) or spelling_like_name(word)
    )


def spelling_in(highlight: Highlight) -> str:
    """Return a spelling in a highlight, or among its tags, that looks like the tag, or ""."""
    for tag in (*highlight.tags, *highlight.document.tags):
        if names_tag(tag) and not is_tagged((tag,)):
            return tag
        spelling = spelling_like_name(tag)
        if spelling:
            return spelling
    document = highlight.document
    names = (document.title, document.path, *document.collections)
    for text in (*_words_about(highlight), *names):
        spelling = spelling_like_tag(text)
        if spelling:
            return spelling
    return ""


def private_words(highlight: Highlight) -> Strings:
    """Return the texts of a private highlight that must not leave this machine."""
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    comment = without_tag(highlight.comment)
    texts = [highlight.exact, *phrases, *highlight.markdown, comment]
    return tuple([text for text in texts if text.strip()])
