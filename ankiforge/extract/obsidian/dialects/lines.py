"""Cards on one line: a front, a separator, a back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ankiforge.extract.obsidian.cards import FIELD, inline_card
from ankiforge.extract.obsidian.dialects.page import HEADING, Page, Written, content, without_id
from ankiforge.extract.obsidian.tokens import read
from ankiforge.model import Form
from ankiforge.text.sentences import trimmed


@dataclass(frozen=True, slots=True)
class Separator:
    """What parts the sides."""

    sign: str
    two_way: bool = False
    swapped: bool = False
    """Whether the answer stands first."""
    loose: bool = False
    """Whether it counts only beside a blank: `a >> b`, not `a>>b`."""


def on_line(page: Page, at: int, separators: Iterable[Separator]) -> Written | None:
    """The card that a line is; of several separators the longest counts, where it stands first.

    Not in code, maths, marks, addresses and fields in brackets.
    """
    separators = [one for one in separators if one.sign in page.lines[at]]
    if not separators:
        return None
    words = without_id(content(page.lines[at]))
    inline = read(words, page.blocks.around)
    shown = inline.open_words()
    shown = FIELD.sub(lambda match: "…" * len(match[0]), shown)
    for separator in sorted(separators, key=lambda one: -len(one.sign)):
        start = _place(shown, separator)
        if start < 0:
            continue
        front = trimmed(shown, 0, start)
        back = trimmed(shown, start + len(separator.sign), len(shown))
        sides = [inline.markdown(*side)[0] for side in (front, back)]
        if not all(sides):
            return None
        if separator.swapped:
            sides.reverse()
        return Written(
            at, at + 1, Form.INLINE, tuple(sides), words, two_way=separator.two_way,
            tags=inline.tags(),
        )  # fmt: skip
    return None


def _place(shown: str, separator: Separator) -> int:
    """Where a separator stands that parts something."""
    sign = separator.sign
    start = shown.find(sign) if sign.strip() else -1
    while start >= 0 and separator.loose:
        around = shown[max(start - 1, 0) : start] + shown[start + len(sign) :][:1]
        if not around.strip() or " " in around:
            break
        start = shown.find(sign, start + 1)
    return start


def is_ours(page: Page, at: int, *, sure: bool = False) -> bool:
    """Whether a line is a card in our own reading of `::` and `:::`; `sure`: one of no doubt."""
    if "::" not in page.lines[at] or HEADING.match(page.lines[at]):
        return False
    card = inline_card(read(without_id(content(page.lines[at])), page.blocks.around))
    return card is not None and (not sure or card.form is Form.INLINE or card.clarity > 1)
