"""The masks of a figure: written as text, as Anki's shapes, and followed when it changes.

The field `Occlusion` of a card holds a line about the figure, and a line for each mask:

    hide all 0123456789abcdef
    1 .1 .25 .2 .05 Femur
    2- .1 .35 .2 .05 Tibia
    3+ .5 .5 .1 .1

What is hidden while one mask is asked (all, or that one), and the figure; then the number
of each mask, `-` if it is switched off, `+` if a person drew it; left, top, width and
height in parts of the picture; and its label. Each number is a card in Anki.

When a figure has changed, the masks read are matched with those of the card, each with one at most:

1. equal folds of labels and a common area of `ALIKE` or more, the largest first
2. equal folds of labels, in order
3. a common area of `ALIKE` or more, the largest first

The common area is the shared area of two masks divided by that of their union, in parts of the
frame. A matched mask keeps its number, also if switched off. Any other takes the number under which
a label with the same fold was shipped, if free, else one above all that the card ever had. If fewer
than half of the masks read before are matched, or a person drew one, the new masks wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan

from msgspec.structs import replace

from ankiforge.model import Fields, Label, Pair, Strings, Texts, Value
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import MAX_NUMBER
from ankiforge.text.fold import for_finding

FIELD = "Occlusion"
"""The field of a card that holds its masks."""
ALL = "all"
ONE = "one"
"""What is hidden on the question: all masks, or only the one that is asked."""
ALIKE = 0.5
"""Two masks are one from this part of their common area on."""
MOST = 200
"""Masks of one figure, at most."""
SMALLEST = 0.002
"""A mask is no lower or narrower, in parts of the picture."""


class Mask(Value):
    """A rectangle that hides a part of a picture; lengths in parts of the whole."""

    number: int
    """The number of its card in Anki, from 1."""
    left: float
    top: float
    width: float
    height: float
    label: str = ""
    on: bool = True
    drawn: bool = False
    """Whether a person drew it."""


class Masks(Value):
    """The masks of a figure."""

    figure: str = ""
    """What changes only if the figure or its frame does."""
    hide: str = ALL
    masks: tuple[Mask, ...] = ()

    @property
    def shown(self) -> tuple[Mask, ...]:
        """Those that are switched on: each is a card."""
        return tuple(mask for mask in self.masks if mask.on)


# --- as text ----------------------------------------------------------------------------

_HEAD = regex(r"hide (all|one)(?: ([0-9a-f]{16}))?")
_LINE = regex(r"(\d{1,3})(\+?)(-?) (\S+) (\S+) (\S+) (\S+)(?: (.*))?")


def parse(text: str) -> Masks:
    """Parse the field of a card. Lines that are no masks are left out."""
    first, *lines = text.split("\n")
    head = _HEAD.fullmatch(first.strip())
    if head is None:
        return Masks()
    masks = []
    for line in lines[:MOST]:
        mask = _mask_in(line)
        if mask is not None:
            masks.append(mask)
    return Masks(head[2] or "", head[1], tuple(masks))


def masks_in(fields: Mapping[str, str] | Iterable[Pair]) -> Masks:
    """Return the masks in the fields of a card; none if it is not a figure."""
    return parse(dict(fields).get(FIELD, ""))


def _mask_in(line: str) -> Mask | None:
    match = _LINE.fullmatch(line.rstrip())
    if match is None:
        return None
    number, drawn, off, *edges, label = match.groups()
    try:
        lengths = [min(max(float(edge), 0.0), 1.0) for edge in edges]
        left, top, width, height = lengths
    except ValueError:
        return None
    if isnan(left) or isnan(top):
        return None
    if not (1 <= int(number) <= MAX_NUMBER and width >= SMALLEST and height >= SMALLEST):
        return None
    return Mask(
        int(number),
        left,
        top,
        width,
        height,
        label=label or "",
        on=not off,
        drawn=bool(drawn),
    )


def write(masks: Masks) -> str:
    """Return the field of a card with these masks."""
    lines = [f"hide {masks.hide} {masks.figure}".rstrip()]
    lines.extend(_line_of(mask) for mask in masks.masks)
    return "\n".join(lines)


def _line_of(mask: Mask) -> str:
    drawn = "+" if mask.drawn else ""
    off = "" if mask.on else "-"
    edges = map(_short, (mask.left, mask.top, mask.width, mask.height))
    label = on_one_line(mask.label)
    return f"{mask.number}{drawn}{off} {' '.join(edges)} {label}".rstrip()


def _short(number: float) -> str:
    """Return a part of the whole as Anki writes it: `.25`, four digits at most."""
    return f"{number:.4f}".strip("0").removesuffix(".") or "0"


def of_labels(figure: str, labels: Iterable[Label]) -> Masks:
    """Return the masks that hide the labels of a figure, one each."""
    masks = []
    for number, label in enumerate(list(labels)[:MOST], start=1):
        mask = Mask(
            number,
            label.left,
            label.top,
            label.width,
            label.height,
            label=label.text,
        )
        masks.append(mask)
    return Masks(figure, ALL, tuple(masks))


# --- in words ---------------------------------------------------------------------------


def names(masks: Masks) -> Strings:
    """Return the hidden words of the masks that are on; a number where they are unknown."""
    return tuple(mask.label or f"({mask.number})" for mask in masks.shown)


def readable(fields: Iterable[Pair]) -> Fields:
    """Return fields for a person: the labels of a figure instead of its masks."""
    shown = []
    for name, text in fields:
        if name == FIELD:
            text = " · ".join(names(parse(text)))
        shown.append((name, text))
    return tuple(shown)


def hidden_words(masks: Masks) -> Texts:
    """Return the hidden words under each number."""
    return {str(mask.number): mask.label for mask in masks.shown}


# --- as Anki has them -------------------------------------------------------------------

_SHAPE = regex(
    r"\{\{c(\d{1,3})::image-occlusion:(\w+)((?::(?:\\:|\\(?!:)|[^:{}\\])*)*)\}\}"
)


def to_anki(masks: Masks) -> str:
    """Return the HTML of the field Occlusion of Anki's note type, as its editor writes it."""
    parts = []
    for mask in masks.shown:
        shape = f"left={_short(mask.left)}:top={_short(mask.top)}"
        shape += f":width={_short(mask.width)}:height={_short(mask.height)}"
        if masks.hide == ALL:
            shape += ":oi=1"
        parts.append(f"{{{{c{mask.number}::image-occlusion:rect:{shape}}}}}<br>")
    return "".join(parts)


def from_anki(html: str) -> Masks:
    """Return the masks in a field of Anki's: its rectangles."""
    masks = []
    hide = ONE
    for number, _, properties in _SHAPE.findall(html):
        known = dict(pair.partition("=")[::2] for pair in properties.split(":") if pair)
        if known.get("oi"):
            hide = ALL
        names = ("left", "top", "width", "height")
        edges = [known.get(name, "") or "0" for name in names]
        mask = _mask_in(" ".join((number, *edges)))
        if mask is not None:
            masks.append(mask)
    return Masks("", hide, tuple(masks))


def with_labels(masks: Masks, known: Masks) -> Masks:
    """Return masks of a figure with the labels of the known ones that have their numbers."""
    labels = {mask.number: mask.label for mask in known.masks}
    return replace(
        masks,
        figure=known.figure,
        masks=tuple(
            replace(mask, label=labels.get(mask.number, "")) for mask in masks.masks
        ),
    )


# --- a figure that has changed ----------------------------------------------------------


class Followed(Value):
    """The masks of a card after its figure was read again."""

    masks: Masks
    sure: bool
    """Whether half of the masks were found again, and no drawn one may be off its place."""


def follow(old: Masks, new: Masks, shipped: Mapping[str, str]) -> Followed:
    """Return the masks of a figure as it is now, each with the number of the one it was.

    Of the same figure in the same frame, the old masks stay: another version of a reader
    sees no other figure.

    Args:
        old: the masks of the card.
        new: those that the figure has now, numbered in any way.
        shipped: by number: the labels that were ever shipped under it.
    """
    if old.figure and old.figure == new.figure:
        return Followed(old, sure=True)
    old_by_new_place: dict[int, Mask] = {}
    for new_place, old_place in matched(old.masks, new.masks).items():
        old_by_new_place[new_place] = old.masks[old_place]

    found_again = list(old_by_new_place.values())
    taken = {mask.number for mask in found_again}
    highest = _highest(old.masks, map(int, shipped))
    masks = []
    for new_place, mask in enumerate(new.masks):
        old_mask = old_by_new_place.get(new_place)
        if old_mask is not None:
            masks.append(replace(mask, number=old_mask.number, on=old_mask.on))
            continue
        # a number under which its label was shipped before, if one is free
        number = 0
        for earlier, words in shipped.items():
            if (
                words
                and for_finding(words) == for_finding(mask.label)
                and not number
                and int(earlier) not in taken
            ):
                number = int(earlier)
        if not number:
            highest += 1
            number = highest
        taken.add(number)
        masks.append(replace(mask, number=number))
    for mask in old.masks:
        # where a person drew a mask, the reader sees no label: it stays where it is
        if mask.drawn and mask.number not in taken:
            masks.append(mask)

    followed = Masks(new.figure, old.hide, tuple(masks))
    read_before = sum(not mask.drawn for mask in old.masks)
    read_again = sum(not mask.drawn for mask in found_again)
    if any(mask.drawn and mask.on for mask in old.masks):
        return Followed(followed, sure=False)
    return Followed(followed, sure=2 * read_again >= read_before)


def _highest(masks: Iterable[Mask], used: Iterable[int]) -> int:
    """Return the highest number of masks, or of those that were ever used; 0 = there is none."""
    numbers = [mask.number for mask in masks]
    numbers.extend(used)
    return max(numbers, default=0)


def matched(old: Sequence[Mask], new: Sequence[Mask]) -> dict[int, int]:
    """Return which of the old masks each new one is, by their positions.

    Equal words in one place come first, then equal words in any place, in order; then one
    place, the largest common area first. A frame that is moved by a line of a table would
    exchange cards if the place came first.
    """
    pairs: dict[int, int] = {}
    overlaps = []
    for after, mask in enumerate(new):
        for before, known in enumerate(old):
            common = overlap(known, mask)
            if common >= ALIKE:
                overlaps.append((-common, before, after))
    overlaps.sort()
    for _, before, after in overlaps:
        if _same_label(old[before], new[after]):
            _pair(pairs, before, after)
    for after, mask in enumerate(new):
        for before, known in enumerate(old):
            if _same_label(known, mask) and _pair(pairs, before, after):
                break
    for _, before, after in overlaps:
        _pair(pairs, before, after)
    return pairs


def _pair(pairs: dict[int, int], before: int, after: int) -> bool:
    """Match two masks, unless one of them is matched."""
    if after in pairs or before in pairs.values():
        return False
    pairs[after] = before
    return True


def _same_label(mask: Mask, other: Mask) -> bool:
    return bool(mask.label) and for_finding(mask.label) == for_finding(other.label)


def overlap(mask: Mask, other: Mask) -> float:
    """Return the common area of two masks in parts of their union (IoU)."""
    left = max(mask.left, other.left)
    top = max(mask.top, other.top)
    right = min(mask.left + mask.width, other.left + other.width)
    bottom = min(mask.top + mask.height, other.top + other.height)
    if right <= left or bottom <= top:
        return 0.0
    common = (right - left) * (bottom - top)
    covered_by_both = mask.width * mask.height + other.width * other.height - common
    return common / covered_by_both
