"""Carry what a person changed in the fields of a card over to the note that states it.

The fields are our Markdown. The note has the same words in the same order, among signs of its
own: marks, the `> ` of a quote, links, the ends of lines. `rewritings` finds the words of the
fields in the text of the note, one after the other, and replaces there only what differs between
the old and the new fields.

It proposes. Whether a proposal is right is only known when the note is read again: the caller does
that, and takes the first proposal by which the card says what the person wrote.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, takewhile
from typing import NamedTuple

from ankiforge.errors import ItemError
from ankiforge.model import Span
from ankiforge.text import regex

_MAX_WORDS = 1_500
"""The maximum number of words of a card. Longer ones are refused."""
_MAX_PLACES = 20
"""The maximum number of places in a note that are tried."""
_BETWEEN_FIELDS = "\ufdd2"
"""Separates the fields of a card, where the note has a sign of its own. Not a character of text."""
_PICTURE_SIGN = "\ufdd3"
"""Stands for a picture, which the note names in another way. Not a character of text."""

_TOKEN = regex(
    r"""(?xs)
    \{\{c\d+::|\}\}                                       # the signs of a gap
    |[\ufdd2\ufdd3]                                       # the end of a field; a picture
    |[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]  # scripts without spaces
    |[^\W_]+                                              # a word or number
    |\s+
    |.
    """
)
# What no edit may add, remove or move.
_SIGN = regex(r"\{\{c\d+::|\}\}|[\ufdd2\ufdd3]")
_PICTURE = regex(r"!\[([^\[\]]*)\]\(([^()\s]*)\)")
_LINK = regex(r"(?<!!)\[([^\[\]]*)\]\(([^()\s]*)\)")
# The target of a link after its words, with its title.
_TARGET = r"""
    \((?=[^)]{0,500}?[^\W_])(?:[^()\s]|\([^()\s]{0,100}\)){0,500}(?:[ ]+"[^"\n]{0,200}")?\)
"""
# What may be in the note between two words of a field. All but the last alternative have a
# word that is not the card's. So there is one way to read a row of signs, and time is bounded.
_BETWEEN_WORDS = rf"""(?:
    </?(?:mark|span|b|i|u|em|strong|s|del|br|sub|sup)\b[^<>\n]{{0,200}}>
    |\{{\{{?(?:c\d{{0,3}}|\d{{1,3}}):{{1,2}}                    # a gap that has a number
    |&[a-zA-Z]{{1,8}};
    |!\[\[(?=[^\[\]]*?[^\W_])[^\[\]\n]{{0,200}}\]\]      # an embedded picture or note
    |!\[[^\[\]\n]{{0,200}}\]{_TARGET}                    # a picture
    |\[\[(?=[^\[\]|]*?[^\W_])[^\[\]|\n]{{0,200}}\|       # the target of a wikilink with other words
    |\]{_TARGET}                                        # the target of a link
    |\[\^(?=[^\[\]]*?[^\W_])[^\[\]\n]{{1,40}}\]         # a footnote
    |%%(?=[^%\n]*?[^\W_])[^%\n]{{0,500}}%%              # a comment
    |<!--(?=[^\n]*?[^\W_])(?:(?!-->)[^\n]){{0,500}}-->  # a comment of HTML
    |[\W_]
    ){{0,400}}?"""
# Signs at the start of a line: of quotes, and of an item of a list.
_LINE_START = regex(
    r"[ \t]*(?:>[ \t]?)*(?P<item>(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[.\][ \t]+)?)?"
)
_SCRIPT = regex(r"</?su[bp]>")
_ESCAPE = regex(r"\\([!-/:-@\[-`{-~])")
_BLANK = regex(r"\s+")
_NEAR = 60
"""How far before the first word and after the last one other signs of a field are looked for."""


def rewritings(
    note: str,
    old: Sequence[str],
    new: Sequence[str],
) -> Iterator[str]:
    """Yield texts of a note in which the words of a card are changed; the likeliest first.

    Args:
        note: the note as it is on disk, with its own line ends.
        old: the fields of the card in Markdown, in the order of the note. A cloze has its
            gaps as `{{c1::…}}`.
        new: the same fields as the person left them.

    Raises:
        ItemError: what was changed cannot be carried over, with the reason.
    """
    tokens = [_Token(text) for text in _texts(old)]
    _check_signs(old, new)
    words = [token.text for token in tokens if token.is_word]
    if not words:
        raise ItemError(
            "it has no words by which it could be found in the note: edit the note yourself"
        )
    if len(words) > _MAX_WORDS:
        raise ItemError(f"it has more than {_MAX_WORDS:,} words: edit the note yourself")

    changes = list(_replacements(tokens, _texts(new)))
    # without backslashes first: a person writes `5 * 3`, not `5 \* 3`
    plain = [one._replace(text=without_escapes(one.text)) for one in changes]
    was_found = False
    for spans in _places(note, words):
        was_found = True
        _align(note, tokens, spans)
        for all_changes in (plain, changes):
            for is_before in (False, True):
                changed = _changed(note, all_changes, insert_before=is_before)
                if changed is not None:
                    yield changed
    if not was_found:
        raise ItemError(
            "its words are not in one place of the note: edit the note yourself"
        )


def _check_signs(old: Sequence[str], new: Sequence[str]) -> None:
    """Raise an error if signs were changed, which a person has to change in the note itself."""
    if _PICTURE.findall("\n".join(old)) != _PICTURE.findall("\n".join(new)):
        raise ItemError("a picture was added, removed or changed: change it in the note")
    if _targets(old) != _targets(new):
        raise ItemError("a link was added, removed or changed: change it in the note")
    if _signs(old) != _signs(new):
        raise ItemError("gaps were added, removed or moved: change them in the note")


def without_escapes(markdown: str) -> str:
    """Return Markdown without the backslashes before signs."""
    return _ESCAPE.sub(r"\1", markdown)


def _texts(fields: Sequence[str]) -> list[str]:
    """Return the tokens of all fields, without pictures and the targets of links."""
    joined = _BETWEEN_FIELDS.join(fields)
    without_pictures = _PICTURE.sub(_PICTURE_SIGN, joined)
    return _TOKEN.findall(_LINK.sub(r"\1", without_pictures))


def _targets(fields: Sequence[str]) -> list[str]:
    return [target for _, target in _LINK.findall("\n".join(fields))]


def _signs(fields: Sequence[str]) -> list[str]:
    return list(filter(_SIGN.fullmatch, _texts(fields)))


# --- what changed -----------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Token:
    """A word, a blank or a sign of the old fields."""

    text: str
    place: Span | None = None
    """Where it is in the note; None: it is written otherwise there."""

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()

    @property
    def is_sign(self) -> bool:
        """Whether it is a sign of a gap, a picture, or the end of a field."""
        return _SIGN.fullmatch(self.text) is not None


class _Replacement(NamedTuple):
    """Tokens of the old fields, and the text that replaces them."""

    before: Sequence[_Token]
    """All tokens before them."""
    removed: Sequence[_Token]
    """() if the text is only added."""
    after: Sequence[_Token]
    text: str

    def place(self, *, insert_before: bool) -> Span | None:
        """Return the part of the note that it replaces, empty if it adds something; or None.

        `insert_before`: put what is added between two tokens before the second, instead of
        after the first.
        """
        inside = [token.place for token in self.removed if token.place]
        if inside:
            return inside[0][0], inside[-1][1]
        if self.removed:
            return None  # what the person removed is written otherwise
        first = _nearest(reversed(self.before))
        second = _nearest(self.after)
        if first is None and second is None:
            # it is all that is between two signs
            first = _nearest(reversed(self.before), past_signs=True)
            second = _nearest(self.after, past_signs=True)
        if second and (insert_before or first is None):
            return second[0], second[0]
        return (first[1], first[1]) if first else None


def _nearest(tokens: Iterable[_Token], *, past_signs: bool = False) -> Span | None:
    """Return the place of the first token that has one, before the next sign or anywhere."""
    for token in tokens:
        if token.place:
            return token.place
        if token.is_sign and not past_signs:
            return None
    return None


def _replacements(tokens: Sequence[_Token], new: Sequence[str]) -> Iterator[_Replacement]:
    """Yield the differences; both have the same signs, and none is in a difference."""
    old = [token.text for token in tokens]
    for old_part, new_part in zip(_parts(old), _parts(new), strict=True):
        before = old[old_part.start : old_part.stop]
        after = new[new_part.start : new_part.stop]
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for operation, first, last, new_first, new_last in matcher.get_opcodes():
            if operation != "equal":
                start = old_part.start + first
                end = old_part.start + last
                text = "".join(after[new_first:new_last])
                yield _Replacement(tokens[:start], tokens[start:end], tokens[end:], text)


def _parts(texts: Sequence[str]) -> Iterator[range]:
    """Yield the ranges of tokens between signs of gaps, fields and pictures."""
    start = 0
    for place, text in enumerate(texts):
        if _SIGN.fullmatch(text):
            yield range(start, place)
            start = place + 1
    yield range(start, len(texts))


# --- where the words are ----------------------------------------------------------------


def _places(note: str, words: Sequence[str]) -> Iterator[list[Span]]:
    """Yield the spans of the words, in order, for each place that has all of them."""
    has_scripts = _SCRIPT.search(note) is not None
    groups = []
    for word in words:
        written = re.escape(word)
        if has_scripts:
            # its letters may be written in `<sub>` or `<sup>`: a card has `H₂O`
            letters = []
            for letter in word:
                plain = unicodedata.normalize("NFKC", letter)
                letters.append(f"(?:{re.escape(letter)}|{re.escape(plain)})")
            written = f"(?:{_SCRIPT.pattern})?".join(letters)
        groups.append(f"({written})")
    pattern = _BETWEEN_WORDS.join(groups)
    whole = re.compile(rf"(?x)(?<![^\W_]){pattern}(?![^\W_])")
    for match in islice(whole.finditer(note), _MAX_PLACES):
        yield [match.span(group) for group in range(1, len(words) + 1)]


def _align(note: str, tokens: Sequence[_Token], words: Sequence[Span]) -> None:
    """Set where each token is in the note, given the places of its words."""
    places = iter(words)
    for token in tokens:
        token.place = next(places) if token.is_word else None

    # the tokens before the first word, backwards
    before = list(takewhile(lambda token: not token.is_word, tokens))
    end, _ = words[0]
    limit = max(0, end - _NEAR)
    for token in reversed(before):
        position = note.rfind(token.text, limit, end)
        if position >= 0 and not token.is_sign:
            token.place = (position, position + len(token.text))
            end = position

    # those after each word, up to the next one
    limits = iter([*(start for start, _ in words[1:]), words[-1][1] + _NEAR])
    start = limit = 0
    for token in tokens[len(before) :]:
        if token.is_word:
            limit = next(limits)
        elif not token.is_sign:
            token.place = _find(note, token.text, start, limit)
        if token.place:
            _, start = token.place


def _find(note: str, text: str, start: int, limit: int) -> Span | None:
    """Return where a blank or a sign is in a part of the note; any blank is as good."""
    if text.isspace():
        blank = _BLANK.search(note, start, limit)
        return blank.span() if blank else None
    position = note.find(text, start, limit)
    return (position, position + len(text)) if position >= 0 else None


# --- the changed note -------------------------------------------------------------------


def _changed(
    note: str, changes: Sequence[_Replacement], *, insert_before: bool
) -> str | None:
    """Return the note with all changes; None if one has no place."""
    parts = []
    rest = len(note)
    for change in reversed(changes):
        place = change.place(insert_before=insert_before)
        if place is None or place[1] > rest:
            return None
        start, end = place
        parts += [note[end:rest], _as_written(change.text, note, start)]
        rest = start
    parts.append(note[:rest])
    return "".join(reversed(parts))


def _as_written(text: str, note: str, start: int) -> str:
    """Return a text as it has to be written in a note: in a row of a table, a quote, an item."""
    line_start = note.rfind("\n", 0, start) + 1
    line, _, _ = note[line_start:].partition("\n")
    if line.lstrip("> \t").startswith("|"):
        text = text.replace("|", r"\|")
    if "\n" not in text:
        return text
    sign = _LINE_START.match(line)
    assert sign is not None
    prefix = sign[0]
    if sign["item"]:
        prefix = line[: sign.start("item")] + " " * len(sign["item"])
    line_ending = "\r\n" if "\r\n" in note else "\n"
    return text.replace("\n", f"{line_ending}{prefix}")
