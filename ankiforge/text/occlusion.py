"""Image occlusion masks: parse and write them, convert them to Anki's shapes, and update them.

The first line of the field `Occlusion` is `hide all 0123456789abcdef`: whether the question hides
`all` masks or only `one`, and a hash of the figure. Each further line is a mask, such as
`1+- .1 .25 .2 .05 Femur`: the number of its card in Anki, `+` if the user drew it, `-` if it is
switched off, then left, top, width and height as fractions of the picture, and the label.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from math import isnan
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.model import Fields, FigureLabel, Pair, Strings, Texts, Value
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import MAX_CLOZE_NUMBER
from ankiforge.text.normalize import normalize_for_lookup

OCCLUSION_FIELD = "Occlusion"
"""The name of the field that holds the masks of a card."""
HIDE_ALL = "all"
"""The question hides all masks."""
HIDE_ONE = "one"
"""The question hides only the mask whose label it asks for."""
MIN_OVERLAP = 0.5
"""The minimum overlap (see `compute_overlap`) of two masks at the same position."""
MAX_MASKS = 200
"""The maximum number of masks in a figure."""
MIN_MASK_SIZE = 0.002
"""The minimum width and height of a mask, as fractions of the picture."""


class Mask(Value):
    """A rectangle that hides part of a figure.

    All lengths are fractions of the figure's width or height.
    """

    number: int
    """The number of the mask's card in Anki, from 1."""
    left: float
    top: float
    width: float
    height: float
    label: str = ""
    """The text under the mask, which is the answer of its card."""
    on: bool = True
    """Whether the mask is switched on and therefore has a card."""
    drawn: bool = False
    """Whether the user drew the mask. Other masks come from labels recognized in the figure."""


class Masks(Value):
    """All masks of a figure, as stored in a field of the card."""

    figure: str = ""
    """A hash of the figure and its crop frame."""
    hide: str = HIDE_ALL
    """What the question hides: `HIDE_ALL` or `HIDE_ONE`."""
    masks: tuple[Mask, ...] = ()

    @property
    def active_masks(self) -> tuple[Mask, ...]:
        """The masks that are switched on, each with its own card in Anki."""
        return tuple([mask for mask in self.masks if mask.on])


# --- as text ----------------------------------------------------------------------------

_FIRST_LINE = regex(r"hide (all|one)(?: ([0-9a-f]{16}))?")
_MASK_LINE = regex(r"(\d{1,3})(\+?)(-?) (\S+) (\S+) (\S+) (\S+)(?: (.*))?")


def parse_masks(text: str) -> Masks:
    """Parse an `Occlusion` field, skipping lines that aren't masks."""
    first_line, *lines = text.split("\n")
    first_match = _FIRST_LINE.fullmatch(first_line.strip())
    if first_match is None:
        return Masks()
    hide, figure = first_match.groups(default="")
    masks = filter(None, map(_parse_mask, lines[:MAX_MASKS]))
    return Masks(figure, hide, tuple(masks))


def get_masks(fields: Mapping[str, str] | Iterable[Pair]) -> Masks:
    """Parse the masks in a card's fields. There are none if the card isn't an occlusion card."""
    return parse_masks(dict(fields).get(OCCLUSION_FIELD, ""))


def _parse_mask(line: str) -> Mask | None:
    """Parse a line such as `3+ .1 .2 .25 .05 Femur`, or return None if it isn't a mask.

    After the number, `+` means that the user drew the mask, and `-` that it is switched off.
    """
    match = _MASK_LINE.fullmatch(line.rstrip())
    if match is None:
        return None
    number, drawn, off, *edges, label = match.groups(default="")
    mask = _create_mask(int(number), edges)
    if mask is None:
        return None
    return replace(mask, label=label, on=off == "", drawn=drawn == "+")


def _create_mask(number: int, edges: Iterable[str]) -> Mask | None:
    """Create a mask from its number and from left, top, width and height as text.

    Returns None if it isn't a valid mask.
    """
    if not 1 <= number <= MAX_CLOZE_NUMBER:
        return None
    try:
        left, top, width, height = map(_parse_fraction, edges)
    except ValueError:
        return None
    if min(width, height) < MIN_MASK_SIZE:
        return None
    return Mask(number, left, top, width, height)


def _parse_fraction(text: str) -> float:
    """Parse a number, and limit it to the range from 0 to 1.

    Raises:
        ValueError: The text is not a number.
    """
    number = float(text)
    if isnan(number):
        raise ValueError(f"not a number: {text}")
    return min(max(number, 0.0), 1.0)


def format_masks(masks: Masks) -> str:
    """Format masks as field text; the inverse of `parse_masks`."""
    lines = [f"hide {masks.hide} {masks.figure}".rstrip()]
    for mask in masks.masks:
        number = str(mask.number)
        if mask.drawn:
            number += "+"
        if not mask.on:
            number += "-"
        edges = map(_format_fraction, (mask.left, mask.top, mask.width, mask.height))
        label = to_one_line(mask.label)
        lines.append(f"{number} {' '.join(edges)} {label}".rstrip())
    return "\n".join(lines)


def _format_fraction(number: float) -> str:
    """Format a fraction as Anki does: up to four decimals and no leading zero, e.g. `.25`."""
    return f"{number:.4f}".strip("0").removesuffix(".") or "0"


TEXT_FRAME = "text-"
"""The beginning of `Highlight.figure_hash` if the user framed text without a picture or drawing."""
TABLE_FRAME = "table-"
"""The beginning of `Highlight.figure_hash` if the user framed a table."""
MAX_CHOSEN_LABELS = 12
"""The maximum number of labels in a figure of which all are chosen beforehand."""


def create_masks(figure_hash: str, labels: Sequence[FigureLabel]) -> Masks:
    """Create a mask for each label in a figure, numbering them from 1.

    In a table, and if there are many labels, all masks are switched off: the user chooses.
    """
    is_on = len(labels) <= MAX_CHOSEN_LABELS
    if figure_hash.startswith(TABLE_FRAME):
        is_on = False
    masks = []
    for number, label in enumerate(labels[:MAX_MASKS], start=1):
        edges = label.left, label.top, label.width, label.height
        masks.append(Mask(number, *edges, label.text, on=is_on))
    return Masks(figure_hash.removeprefix(TABLE_FRAME), HIDE_ALL, tuple(masks))


# --- labels -----------------------------------------------------------------------------


def list_labels(masks: Masks) -> Strings:
    """Return the label of each active mask, or its number in brackets if it has no label."""
    return tuple([mask.label or f"({mask.number})" for mask in masks.active_masks])


def replace_masks_with_labels(fields: Iterable[Pair]) -> Fields:
    """Return a card's fields for display, with a list of labels in place of any masks."""
    readable_fields = []
    for name, text in fields:
        if name == OCCLUSION_FIELD:
            text = " · ".join(list_labels(parse_masks(text)))
        readable_fields.append((name, text))
    return tuple(readable_fields)


def get_labels_by_number(masks: Masks) -> Texts:
    """Return the labels of all active masks, keyed by mask number."""
    return {str(mask.number): mask.label for mask in masks.active_masks}


# --- as in Anki -------------------------------------------------------------------------

_SHAPE = regex(
    r"\{\{c(\d{1,3})::image-occlusion:(\w+)((?::(?:\\:|\\(?!:)|[^:{}\\])*)*)\}\}"
)


def masks_to_anki(masks: Masks) -> str:
    """Convert masks to HTML for the Occlusion field of Anki's built-in note type."""
    parts = []
    for mask in masks.active_masks:
        shape = f"left={_format_fraction(mask.left)}:top={_format_fraction(mask.top)}"
        shape += f":width={_format_fraction(mask.width)}:height={_format_fraction(mask.height)}"
        if masks.hide == HIDE_ALL:
            shape += ":oi=1"
        parts.append(f"{{{{c{mask.number}::image-occlusion:rect:{shape}}}}}<br>")
    return "".join(parts)


def masks_from_anki(html: str) -> Masks:
    """Parse the rectangles in the Occlusion field of Anki's built-in note type.

    The masks have no labels, because Anki doesn't store any.
    """
    masks = []
    hide = HIDE_ONE
    for number, _, properties in _SHAPE.findall(html):
        values = {}
        for pair in properties.split(":"):
            name, _, value = pair.partition("=")
            if value:
                values[name] = value
        if "oi" in values:
            hide = HIDE_ALL
        edges = [values.get(name, "0") for name in ("left", "top", "width", "height")]
        mask = _create_mask(int(number), edges)
        if mask is not None:
            masks.append(mask)
    return Masks("", hide, tuple(masks))


def copy_labels(masks: Masks, labelled_masks: Masks) -> Masks:
    """Return `masks` with the figure's hash and the labels of the same numbers copied to them."""
    labels = {mask.number: mask.label for mask in labelled_masks.masks}
    labelled = []
    for mask in masks.masks:
        labelled.append(replace(mask, label=labels.get(mask.number, "")))
    return replace(masks, figure=labelled_masks.figure, masks=tuple(labelled))


# --- a figure that has changed ----------------------------------------------------------


class MaskUpdate(Value):
    """A card's masks after an update for a changed figure."""

    masks: Masks
    is_certain: bool
    """Whether the masks are probably right.

    They are if at least half of the labels were found again, and the user drew none of the active
    masks, because a drawn mask might now be in the wrong place.
    """


def update_masks(
    old: Masks, new: Masks, exported_labels: Mapping[str, str]
) -> MaskUpdate:
    """Update a card's masks to match the current labels of its figure.

    A new mask that matches an old one takes over its number, so that the card keeps its
    scheduling in Anki. Otherwise, it reuses a free number under which its label was once
    exported, or gets a new number. Masks drawn by the user are kept. If the figure's hash is
    unchanged, so are the masks.

    Args:
        old: The current masks of the card.
        new: The masks for the figure's current labels; their numbers are ignored.
        exported_labels: All labels ever exported to Anki, keyed by number.
    """
    if old.figure and old.figure == new.figure:
        return MaskUpdate(old, is_certain=True)
    matches = _match_masks(old.masks, new.masks)
    taken_numbers = {mask.number for mask in matches.values()}
    used_numbers = [mask.number for mask in old.masks]
    used_numbers += map(int, exported_labels)
    new_numbers = count(max(used_numbers, default=0) + 1)
    masks = []
    for index, mask in enumerate(new.masks):
        if index in matches:
            number, is_on = matches[index].number, matches[index].on
        else:
            former = _find_former_number(mask.label, exported_labels, taken_numbers)
            number = next(new_numbers) if former is None else former
            is_on = mask.on
        taken_numbers.add(number)
        masks.append(replace(mask, number=number, on=is_on))
    # a mask that the user drew has no label in the figure to follow, so it stays where it is
    for mask in old.masks:
        if mask.drawn and mask.number not in taken_numbers:
            masks.append(mask)
    return MaskUpdate(
        Masks(new.figure, old.hide, tuple(masks)),
        is_certain=_are_masks_reliable(old.masks, matches.values()),
    )


def _find_former_number(
    label: str, exported_labels: Mapping[str, str], taken_numbers: Collection[int]
) -> int | None:
    """Find an unused number under which a label was once exported to Anki, or return None."""
    for number, exported_label in exported_labels.items():
        if int(number) in taken_numbers:
            continue
        if _is_same_label(exported_label, label):
            return int(number)
    return None


def _are_masks_reliable(old: Sequence[Mask], matched: Iterable[Mask]) -> bool:
    """Return whether masks are probably right. See `MaskUpdate.is_certain`."""
    if any(mask.drawn and mask.on for mask in old):
        return False
    read_count = sum(not mask.drawn for mask in old)
    matched_read_count = sum(not mask.drawn for mask in matched)
    return 2 * matched_read_count >= read_count


class _Pair(NamedTuple):
    """An old mask of a figure and a new one, each by its index."""

    old_index: int
    new_index: int


def _match_masks(old: Sequence[Mask], new: Sequence[Mask]) -> dict[int, Mask]:
    """Match the new masks of a figure with its old masks.

    Masks that share a label and overlap by at least `MIN_OVERLAP` are matched first, then
    those that share a label, then those that overlap, larger overlaps first. Labels take
    precedence because otherwise, moving the crop by one table row would swap the cards.

    Returns:
        The old mask for each matched new mask, keyed by the new mask's index.
    """
    same_label: list[_Pair] = []
    overlaps: list[tuple[float, _Pair]] = []
    for new_index, new_mask in enumerate(new):
        for old_index, old_mask in enumerate(old):
            pair = _Pair(old_index, new_index)
            if _is_same_label(old_mask.label, new_mask.label):
                same_label.append(pair)
            overlap_ratio = compute_overlap(old_mask, new_mask)
            if overlap_ratio >= MIN_OVERLAP:
                overlaps.append((-overlap_ratio, pair))
    overlapping = [pair for _, pair in sorted(overlaps)]
    with_same_label = frozenset(same_label)
    overlapping_with_label = [pair for pair in overlapping if pair in with_same_label]

    old_by_new: dict[int, int] = {}
    for pair in (*overlapping_with_label, *same_label, *overlapping):
        is_new_matched = pair.new_index in old_by_new
        is_old_matched = pair.old_index in old_by_new.values()
        if not is_new_matched and not is_old_matched:
            old_by_new[pair.new_index] = pair.old_index
    return {new_index: old[old_index] for new_index, old_index in old_by_new.items()}


def _is_same_label(label: str, other: str) -> bool:
    return label != "" and normalize_for_lookup(label) == normalize_for_lookup(other)


def compute_overlap(mask: Mask, other: Mask) -> float:
    """Compute the intersection over union (IoU) of two masks."""
    left = max(mask.left, other.left)
    top = max(mask.top, other.top)
    right = min(mask.left + mask.width, other.left + other.width)
    bottom = min(mask.top + mask.height, other.top + other.height)
    if right <= left or bottom <= top:
        return 0.0
    intersection = (right - left) * (bottom - top)
    union = mask.width * mask.height + other.width * other.height - intersection
    return intersection / union
