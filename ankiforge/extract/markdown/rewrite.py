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
from difflib import SequenceMatcher
from itertools import pairwise

from ankiforge.errors import ItemError
from ankiforge.model import Span, Strings
from ankiforge.text import regex

MAX_WORDS = 1_500
"""The maximum number of words of a card. Longer ones are refused."""
MAX_PLACES = 20
"""The maximum number of places in a note that are tried."""
BETWEEN_FIELDS = "\ufdd2"
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
    old_tokens = _tokens(old)
    new_tokens = _tokens(new)
    if _PICTURE.findall("\n".join(old)) != _PICTURE.findall("\n".join(new)):
        raise ItemError("a picture was added, removed or changed: change it in the note")
    if _links(old) != _links(new):
        raise ItemError("a link was added, removed or changed: change it in the note")
    if _signs(old_tokens) != _signs(new_tokens):
        raise ItemError("gaps were added, removed or moved: change them in the note")
    words = [token for token in old_tokens if token[0].isalnum()]
    if not words:
        raise ItemError(
            "it has no words by which it could be found in the note: edit the note yourself"
        )
    if len(words) > MAX_WORDS:
        raise ItemError(f"it has more than {MAX_WORDS:,} words: edit the note yourself")
    changes = _changes(old_tokens, new_tokens)
    was_found = False
    for spans in _places(note, words):
        was_found = True
        places = _Alignment(note, old_tokens, spans).spans
        # without backslashes first: a person writes `5 * 3`, not `5 \* 3`
        for all_changes in ([change.without_escapes() for change in changes], changes):
            for is_before in (False, True):
                changed = _changed(note, places, all_changes, insert_before=is_before)
                if changed is not None:
                    yield changed
    if not was_found:
        raise ItemError(
            "its words are not in one place of the note: edit the note yourself"
        )


def without_escapes(markdown: str) -> str:
    """Return Markdown without the backslashes before signs."""
    return _ESCAPE.sub(r"\1", markdown)


def _tokens(fields: Sequence[str]) -> list[str]:
    """Return the tokens of all fields, without pictures and the targets of links."""
    joined = BETWEEN_FIELDS.join(fields)
    without_pictures = _PICTURE.sub(_PICTURE_SIGN, joined)
    return _TOKEN.findall(_LINK.sub(r"\1", without_pictures))


def _links(fields: Sequence[str]) -> list[str]:
    targets = []
    for field in fields:
        for _, target in _LINK.findall(field):
            targets.append(target)
    return targets


def _signs(tokens: Sequence[str]) -> list[str]:
    return [token for token in tokens if _SIGN.fullmatch(token)]


# --- what changed -----------------------------------------------------------------------


class _Change:
    """Tokens [start, end) of the old fields, and the text that replaces them."""

    def __init__(self, start: int, end: int, text: str, part: Span) -> None:
        self.start = start
        self.end = end
        self.text = text
        self.part = part
        """The tokens around it that are between the same two signs."""

    def without_escapes(self) -> _Change:
        """Return the change with its text as a person would write it."""
        return _Change(self.start, self.end, without_escapes(self.text), self.part)


def _changes(old: list[str], new: list[str]) -> list[_Change]:
    """Return the differences between two lists of tokens. No sign is in one.

    The parts between signs are compared one by one: both lists have the same signs.
    """
    changes = []
    for old_part, new_part in zip(_parts(old), _parts(new), strict=True):
        offset = old_part[0]
        before = old[slice(*old_part)]
        after = new[slice(*new_part)]
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for operation, start, end, new_start, new_end in matcher.get_opcodes():
            if operation != "equal":
                text = "".join(after[new_start:new_end])
                changes.append(_Change(offset + start, offset + end, text, old_part))
    return changes


def _parts(tokens: Sequence[str]) -> list[Span]:
    """Return the spans of tokens between signs of gaps, fields and pictures."""
    parts = []
    start = 0
    for index, token in enumerate(tokens):
        if _SIGN.fullmatch(token):
            parts.append((start, index))
            start = index + 1
    parts.append((start, len(tokens)))
    return parts


# --- where the words are ----------------------------------------------------------------


def _places(note: str, words: Sequence[str]) -> Iterator[list[Span]]:
    """Yield the spans of the words, in order, for each place that has all of them."""
    has_scripts = _SCRIPT.search(note) is not None
    groups = []
    for word in words:
        written = _in_scripts(word) if has_scripts else re.escape(word)
        groups.append(f"({written})")
    pattern = _BETWEEN_WORDS.join(groups)
    whole = re.compile(rf"(?x)(?<![^\W_]){pattern}(?![^\W_])")
    for number, match in enumerate(whole.finditer(note)):
        if number == MAX_PLACES:
            return
        yield [match.span(group) for group in range(1, len(words) + 1)]


def _in_scripts(word: str) -> str:
    """Return a pattern for a word whose letters may be written in `<sub>` or `<sup>`.

    In a card, `H<sub>2</sub>O` is `H₂O`.
    """
    letters = []
    for letter in word:
        plain = unicodedata.normalize("NFKC", letter)
        letters.append(f"(?:{re.escape(letter)}|{re.escape(plain)})")
    return f"(?:{_SCRIPT.pattern})?".join(letters)


class _Alignment:
    """Where each token of the old fields is in the note."""

    def __init__(
        self,
        note: str,
        tokens: Sequence[str],
        words: Sequence[Span],
    ) -> None:
        """Align all tokens, given the places of the words among them."""
        self._note = note
        self._tokens = tokens
        self.spans: list[Span | None] = [None] * len(tokens)
        """The span of each token; None for what is written otherwise in the note."""
        word_indices = []
        for index, token in enumerate(tokens):
            if token[0].isalnum():
                word_indices.append(index)
        for index, span in zip(word_indices, words, strict=True):
            self.spans[index] = span
        first = word_indices[0]
        last = word_indices[-1]
        first_start, _ = words[0]
        _, last_end = words[-1]
        self._align_before(first, first_start)
        for index, following in pairwise(word_indices):
            self._align_between(index, following)
        self._align_after(last, last_end)

    def _align_between(self, index: int, following: int) -> None:
        """Align the tokens between two words."""
        before = self.spans[index]
        after = self.spans[following]
        assert before is not None
        assert after is not None
        self._align(range(index + 1, following), before[1], after[0])

    def _align_after(self, last: int, end: int) -> None:
        """Align the tokens after the last word."""
        limit = min(len(self._note), end + _NEAR)
        self._align(range(last + 1, len(self._tokens)), end, limit)

    def _align(self, indices: range, start: int, end: int) -> None:
        """Align tokens, none of which is a word, with [start, end) of the note, in order."""
        for index in indices:
            span = self._found(self._tokens[index], start, end)
            if span is not None:
                self.spans[index] = span
                _, start = span

    def _align_before(self, first: int, start_of_word: int) -> None:
        """Align the tokens before the first word, backwards."""
        limit = max(0, start_of_word - _NEAR)
        end = start_of_word
        for index in range(first - 1, -1, -1):
            token = self._tokens[index]
            if _SIGN.fullmatch(token):
                continue
            position = self._note.rfind(token, limit, end)
            if position >= 0:
                self.spans[index] = (position, position + len(token))
                end = position

    def _found(self, token: str, start: int, end: int) -> Span | None:
        """Return where a token that is not a word is in [start, end) of the note."""
        if _SIGN.fullmatch(token):
            return None
        if token.isspace():
            blank = _BLANK.search(self._note, start, end)
            return blank.span() if blank else None
        position = self._note.find(token, start, end)
        return (position, position + len(token)) if position >= 0 else None


# --- the changed note -------------------------------------------------------------------


def _changed(
    note: str,
    places: Sequence[Span | None],
    changes: Sequence[_Change],
    *,
    insert_before: bool,
) -> str | None:
    """Return the note with all changes; None if one has no place.

    `insert_before`: put what is added between two tokens before the second, instead of
    after the first.
    """
    parts = []
    end = len(note)
    for change in reversed(changes):
        span = _place_of(places, change, insert_before=insert_before)
        if span is None:
            return None
        start, stop = span
        if stop > end:
            return None
        parts.append(note[stop:end])
        parts.append(_as_in_note(note, start, change.text))
        end = start
    parts.append(note[:end])
    return "".join(reversed(parts))


def _place_of(
    places: Sequence[Span | None],
    change: _Change,
    *,
    insert_before: bool,
) -> Span | None:
    """Return the part of the note that a change replaces; empty if it adds something."""
    inside = _known(places[change.start : change.end])
    if inside:
        start, _ = inside[0]
        _, end = inside[-1]
        return start, end
    if change.start < change.end:
        return None  # what the person removed is written otherwise
    part_start, part_end = change.part
    before = _known(places[part_start : change.start])
    following = _known(places[change.end : part_end])
    if not before and not following:
        # it is all that is between two signs
        before = _known(places[: change.start])
        following = _known(places[change.end :])
    if following and (insert_before or not before):
        start, _ = following[0]
        return start, start
    if before:
        _, end = before[-1]
        return end, end
    return None


def _known(places: Iterable[Span | None]) -> list[Span]:
    return [span for span in places if span is not None]


def _as_in_note(note: str, position: int, text: str) -> str:
    """Return text as it has to be written at a place: in a row of a table, a quote, an item."""
    line_start = note.rfind("\n", 0, position) + 1
    line_end = note.find("\n", position)
    if line_end < 0:
        line_end = len(note)
    line = note[line_start:line_end]
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


def in_order(kind_is_cloze: bool, fields: dict[str, str]) -> Strings:
    """Return the fields of a card in the order in which a note states them."""
    names = ("Text", "Extra") if kind_is_cloze else ("Front", "Back", "Extra")
    return tuple(fields.get(name, "") for name in names)
