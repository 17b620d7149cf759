"""Carry what a person changed in the fields of a card over to the note that states it.

The fields are our Markdown. The note has the same words in the same order, among signs of its
own: marks, the `> ` of a quote, links, the ends of lines. `rewritings` finds the words of the
fields in the text of the note, one after the other, and replaces there only what differs between
the old and the new fields.

It proposes. Whether a proposal is right is only known when the note is read again: the caller does
that, and takes the first proposal by which the card says what the person wrote.

Tested by `tests/anki/test_patch.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
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
    if len(words) > _MAX_WORDS:
        raise ItemError(f"it has more than {_MAX_WORDS:,} words: edit the note yourself")

    # the differences, part by part: both have the same signs, and none is in a difference
    changes = []
    for old_part, new_part in zip(_parts(old_tokens), _parts(new_tokens), strict=True):
        offset = old_part[0]
        before = old_tokens[slice(*old_part)]
        after = new_tokens[slice(*new_part)]
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        for operation, start, end, new_start, new_end in matcher.get_opcodes():
            if operation != "equal":
                text = "".join(after[new_start:new_end])
                changes.append(_Replacement(offset + start, offset + end, text, old_part))

    was_found = False
    for spans in _places(note, words):
        was_found = True
        places = _aligned(note, old_tokens, spans)
        # without backslashes first: a person writes `5 * 3`, not `5 \* 3`
        plain = [one._replace(text=without_escapes(one.text)) for one in changes]
        for all_changes in (plain, changes):
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
    joined = _BETWEEN_FIELDS.join(fields)
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


class _Replacement(NamedTuple):
    """Tokens [start, end) of the old fields, and the text that replaces them."""

    start: int
    end: int
    text: str
    part: Span
    """The tokens around it that are between the same two signs."""


def _parts(tokens: Sequence[str]) -> list[Span]:
    """Return the spans of tokens between signs of gaps, fields and pictures."""
    signs = [index for index, token in enumerate(tokens) if _SIGN.fullmatch(token)]
    starts = [0, *(index + 1 for index in signs)]
    return list(zip(starts, [*signs, len(tokens)], strict=True))


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


def _aligned(
    note: str,
    tokens: Sequence[str],
    words: Sequence[Span],
) -> list[Span | None]:
    """Return where each token of the old fields is in the note, given the places of its words.

    None is what is written otherwise there.
    """
    spans: list[Span | None] = [None] * len(tokens)
    word_indices: list[int] = []
    for index, token in enumerate(tokens):
        if token[0].isalnum():
            spans[index] = words[len(word_indices)]
            word_indices.append(index)

    # the tokens before the first word, backwards
    end, _ = words[0]
    limit = max(0, end - _NEAR)
    for index in range(word_indices[0] - 1, -1, -1):
        position = note.rfind(tokens[index], limit, end)
        if position >= 0 and not _SIGN.fullmatch(tokens[index]):
            spans[index] = (position, position + len(tokens[index]))
            end = position

    # those after each word, up to the next one
    limits = [start for start, _ in words[1:]]
    limits.append(min(len(note), words[-1][1] + _NEAR))
    following = [*word_indices[1:], len(tokens)]
    for number, first in enumerate(word_indices):
        _, start = words[number]
        for index in range(first + 1, following[number]):
            token = tokens[index]
            if _SIGN.fullmatch(token):
                continue
            if token.isspace():
                blank = _BLANK.search(note, start, limits[number])
                span = blank.span() if blank else None
            else:
                position = note.find(token, start, limits[number])
                span = (position, position + len(token)) if position >= 0 else None
            if span is not None:
                spans[index] = span
                _, start = span
    return spans


# --- the changed note -------------------------------------------------------------------


def _changed(
    note: str,
    places: Sequence[Span | None],
    changes: Sequence[_Replacement],
    *,
    insert_before: bool,
) -> str | None:
    """Return the note with all changes; None if one has no place.

    `insert_before`: put what is added between two tokens before the second, instead of
    after the first.
    """
    parts = []
    rest = len(note)
    for change in reversed(changes):
        # the part of the note that it replaces; empty if it adds something
        inside = _known(places[change.start : change.end])
        if inside:
            start, _ = inside[0]
            _, end = inside[-1]
        elif change.start < change.end:
            return None  # what the person removed is written otherwise
        else:
            part_start, part_end = change.part
            before = _known(places[part_start : change.start])
            following = _known(places[change.end : part_end])
            if not before and not following:
                # it is all that is between two signs
                before = _known(places[: change.start])
                following = _known(places[change.end :])
            if following and (insert_before or not before):
                start, _ = following[0]
            elif before:
                _, start = before[-1]
            else:
                return None
            end = start
        if end > rest:
            return None

        # as it has to be written there: in a row of a table, a quote, an item
        text = change.text
        line_start = note.rfind("\n", 0, start) + 1
        line_end = note.find("\n", start)
        line = note[line_start : line_end if line_end >= 0 else None]
        if line.lstrip("> \t").startswith("|"):
            text = text.replace("|", r"\|")
        if "\n" in text:
            sign = _LINE_START.match(line)
            assert sign is not None
            prefix = sign[0]
            if sign["item"]:
                prefix = line[: sign.start("item")] + " " * len(sign["item"])
            line_ending = "\r\n" if "\r\n" in note else "\n"
            text = text.replace("\n", f"{line_ending}{prefix}")
        parts += [note[end:rest], text]
        rest = start
    parts.append(note[:rest])
    return "".join(reversed(parts))


def _known(places: Iterable[Span | None]) -> list[Span]:
    return [span for span in places if span is not None]
