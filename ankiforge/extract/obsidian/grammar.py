"""What the card syntaxes of other tools share: separators on one line, and clozes."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import rich, without_id
from ankiforge.extract.markdown.cards import FIELD, inline_card
from ankiforge.extract.markdown.inline import MASK, is_template, read
from ankiforge.extract.markdown.page import HEADING, Page, ToolCard, content
from ankiforge.model import Form, Span
from ankiforge.text.sentences import trimmed

# --- a front, a separator, a back -----------------------------------------------------------


class Separator(NamedTuple):
    """A sign that separates the sides of a card."""

    sign: str
    two_way: bool = False


def card_on_line(page: Page, at: int, separators: Iterable[Separator]) -> ToolCard | None:
    """Return the card on a line; of several separators the longest counts, where it is first.

    Separators in code, maths, marks, addresses and bracketed fields do not count.
    """
    present = [one for one in separators if one.sign.strip() and one.sign in page.lines[at]]
    if not present:
        return None
    words = without_id(content(page.lines[at]))
    inline = read(words, page.blocks.context)
    shown = FIELD.sub(lambda match: "…" * len(match[0]), inline.unmarked_text())
    for separator in sorted(present, key=lambda one: -len(one.sign)):
        start = shown.find(separator.sign)
        if start < 0:
            continue
        front = trimmed(shown, 0, start)
        back = trimmed(shown, start + len(separator.sign), len(shown))
        sides = [inline.markdown(*side)[0] for side in (front, back)]
        if not all(sides):
            return None
        return ToolCard(
            at, at + 1, Form.INLINE, tuple(sides), words, two_way=separator.two_way,
            tags=inline.tags, written=f"a {separator.sign.strip()} b",
        )  # fmt: skip
    return None


def block_card(
    page: Page,
    first: int,
    last: int,
    front: str,
    back: str,
    *,
    two_way: bool = False,
    written: str = "",
) -> ToolCard:
    """Return the card of the lines [first, last), whose sides have these sources."""
    return ToolCard(
        first, last, Form.BLOCK, (page.side(front), page.side(back)),
        page.lines_between(first, last), (front, back), two_way, page.tags_in(front, back),
        written=written,
    )  # fmt: skip


def is_ours(page: Page, at: int, *, sure: bool = False) -> bool:
    """Return whether a line is a card in our own reading of `::`; `sure`: beyond doubt."""
    if "::" not in page.lines[at] or HEADING.match(page.lines[at]):
        return False
    card = inline_card(read(without_id(content(page.lines[at])), page.blocks.context))
    return card is not None and (not sure or card.form is Form.INLINE or card.clarity > 1)


# --- clozes ---------------------------------------------------------------------------------


class Cloze(NamedTuple):
    """A cloze in a source."""

    start: int
    end: int
    """[start, end) includes the signs."""
    answer: Span
    hint: Span = (0, 0)
    """(0, 0) = none."""
    numbers: str = ""
    """`1` or `1,3`; "" = not numbered yet."""


def find_clozes(
    mask: str, patterns: Iterable[re.Pattern[str]], *, templates: bool = True
) -> list[Cloze]:
    """Return the clozes that patterns find; of overlapping ones the first found counts.

    The patterns have the groups answer, hint and numbers. `templates`: whether placeholders of
    templates (`{{date}}`) count, too.
    """
    found: list[Cloze] = []
    for pattern in patterns:
        groups = pattern.groupindex
        for match in pattern.finditer(mask):
            hint = match.span("hint") if "hint" in groups and match["hint"] else (0, 0)
            numbers = (match["numbers"] or "") if "numbers" in groups else ""
            cloze = Cloze(match.start(), match.end(), match.span("answer"), hint, numbers)
            at = bisect_left(found, cloze.start, key=lambda one: one.start)
            after_others = at == 0 or found[at - 1].end <= cloze.start
            before_others = at == len(found) or cloze.end <= found[at].start
            if after_others and before_others and match["answer"].strip():
                found.insert(at, cloze)
    if templates:
        return found
    return [
        cloze
        for cloze in found
        if not (
            mask.startswith("{{", cloze.start) and is_template(mask[slice(*cloze.answer)], mask)
        )
    ]


def numbered_clozes(found: Iterable[Cloze]) -> Iterator[Cloze]:
    """Number the clozes that have no numbers: 1, 2 … among themselves."""
    free = 0
    for cloze in found:
        free += not cloze.numbers
        yield cloze if cloze.numbers else cloze._replace(numbers=str(free))


def cloze_text(page: Page, source: str, mask: str, found: Iterable[Cloze]) -> str:
    """Return the Markdown of a source with these clozes, all of them numbered."""
    parts, at = [], 0
    for cloze in found:
        hint = f"::{_guarded(source, mask, cloze.hint)}" if cloze.hint[1] else ""
        answer = _guarded(source, mask, cloze.answer)
        parts.append(_escaped(_PAIRED, source, mask, at, cloze.start))
        parts.append(f"{{{{c{cloze.numbers}::{answer}{hint}}}}}")
        at = cloze.end
    parts.append(_escaped(_PAIRED, source, mask, at, len(source)))
    return rich("".join(parts), page.blocks.context, gaps=True)


_PAIRED = re.compile(r"(?<=\{)\{|(?<=\})\}")
"""Pairs of braces outside clozes, which would begin or end one."""
_INSIDE = re.compile(r"[{}]|(?<=:):|^:|:$")
"""Signs in an answer or a hint that would end it."""


def _guarded(source: str, mask: str, span: Span) -> str:
    """Return an answer or a hint, stripped and escaped."""
    text = source[slice(*span)]
    start = span[0] + len(text) - len(text.lstrip())
    return _escaped(_INSIDE, source, mask, start, start + len(text.strip()))


def _escaped(signs: re.Pattern[str], source: str, mask: str, start: int, end: int) -> str:
    places = {start + match.start() for match in signs.finditer(mask[start:end])}
    return "".join(
        "\\" + source[at] if at in places and mask[at] != MASK else source[at]
        for at in range(start, end)
    )


def cloze_card(
    page: Page, first: int, last: int, source: str, mask: str, found: Iterable[Cloze], id: str = ""
) -> ToolCard:
    """Return the cloze card of the lines [first, last), whose text is `source`."""
    found = list(found)
    text = cloze_text(page, source, mask, found)
    written = ""
    if found:
        start, end = found[0].answer
        opening = _SIGNS.match(source[found[0].start : start])
        closing = _SIGNS.match(source[end : found[0].end][::-1])
        written = f"{opening[0] if opening else ''}…{closing[0][::-1] if closing else ''}"
    return ToolCard(
        first, last, Form.CLOZE, (text,), source, tags=page.tags_in(source), id=id, written=written
    )


_SIGNS = re.compile(r"[^\w\s]*")
