"""The emphasis that Zotero writes as tags into the texts and comments of annotations.

Zotero writes `<i>`, `<b>`, `<sub>`, `<sup>`, and a `<span>` for small capitals. Everything
else is literal, `p < 0.05` and `List<String>` too.
"""

from __future__ import annotations

from ankiforge.text import regex
from ankiforge.text.cloze import literal
from ankiforge.text.elements import raised

_TAG = regex(r"(?i)(</?(?:b|i|sub|sup)>|<span[ ]style=[\"']font-variant:[^<>]*>|</span>)")
_SIGNS = {"b": "**", "i": "*"}


class RichText:
    """A text of an annotation, as plain text and in our Markdown."""

    def __init__(self, written: str, *, is_markdown: bool = False) -> None:
        """`is_markdown`: whether the words between the tags are Markdown, as in a comment."""
        self._is_markdown = is_markdown
        # the tag, the plain text and the Markdown of each open element, the innermost last
        self._open: list[tuple[str, list[str], list[str]]] = [("", [], [])]
        for index, part in enumerate(_TAG.split(written)):
            is_tag = index % 2 == 1
            if not is_tag:
                self._add_words(part)
            elif part.startswith("</"):
                self._close(part)
            else:
                self._open.append((part, [], []))
        while len(self._open) > 1:
            self._undo_open()
        _, plain, markdown = self._open[0]
        self.plain = "".join(plain)
        self.markdown = "".join(markdown)

    @property
    def is_formatted(self) -> bool:
        """Whether the Markdown says more than the plain text."""
        return self.markdown != literal(self.plain)

    def _add_words(self, words: str) -> None:
        self._add(words, words if self._is_markdown else literal(words))

    def _add(self, plain: str, markdown: str) -> None:
        _, plain_parts, markdown_parts = self._open[-1]
        plain_parts.append(plain)
        markdown_parts.append(markdown)

    def _undo_open(self) -> None:
        """Take the innermost tag for text: it was never closed."""
        tag, plain_parts, markdown_parts = self._open.pop()
        self._add_words(tag)
        self._add("".join(plain_parts), "".join(markdown_parts))

    def _close(self, tag: str) -> None:
        """End an element; a tag that ends none is text."""
        name = _name_of(tag)
        if name not in [_name_of(opened) for opened, _, _ in self._open]:
            self._add_words(tag)
            return
        while _name_of(self._open[-1][0]) != name:
            self._undo_open()
        _, plain_parts, markdown_parts = self._open.pop()
        self._add(*_emphasised(name, "".join(plain_parts), "".join(markdown_parts)))


def _name_of(tag: str) -> str:
    return tag.strip("</>").partition(" ")[0].lower()


def _emphasised(name: str, plain: str, markdown: str) -> tuple[str, str]:
    """Return the plain text and the Markdown of an element with some content."""
    if name == "span" or not plain.strip():
        return plain, markdown
    if name in ("sub", "sup"):
        in_unicode = raised(plain, name)
        is_written = in_unicode != plain and len(in_unicode) == len(plain)
        if is_written and plain == markdown:
            return in_unicode, in_unicode
        return in_unicode, f"<{name}>{markdown}</{name}>"
    sign = _SIGNS[name]
    if markdown[0].isalnum() and markdown[-1].isalnum():
        return plain, f"{sign}{markdown}{sign}"
    return plain, f"<{name}>{markdown}</{name}>"
