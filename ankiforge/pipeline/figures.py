"""Figures that a person framed or marked: the labels of scans, and the masks of cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from ankiforge.anki.render import digest_in_name
from ankiforge.draft import skip_reason
from ankiforge.errors import RefusedError, UsageError
from ankiforge.extract.figures import ocr_is_installed
from ankiforge.ledger import Ledger, Line, cards, decide
from ankiforge.model import CardKind, Fields, Guid, Highlight, HighlightKind, Media, Texts
from ankiforge.pipeline.job import Job
from ankiforge.pipeline.pictures import picture_at
from ankiforge.text import occlusion
from ankiforge.text.cloze import image_paths
from ankiforge.text.occlusion import Wish


def with_labels(job: Job, ledger: Ledger, highlight: Highlight) -> Highlight:
    """Return a figure with the labels in its picture, if no text layer has any.

    That takes seconds, and needs the extra `ocr`; other highlights stay as they are.
    """
    is_figure = highlight.kind is HighlightKind.IMAGE and highlight.markdown
    if not is_figure or not job.figures or skip_reason(highlight):
        return highlight
    if highlight.figure and highlight.labels:
        return highlight
    paths = image_paths(highlight.markdown[0])
    picture = picture_at(ledger, highlight, paths[0], job.pictures) if paths else None
    if not isinstance(picture, Media):
        return highlight
    labels = highlight.labels
    if not labels and ocr_is_installed():
        from ankiforge.extract.figures import ocr

        labels = ocr.labels_in(Path(picture.path))
    figure = highlight.figure or digest_in_name(picture)
    return replace(highlight, figure=figure, labels=labels)


def set_masks(ledger: Ledger, id: str, wishes: Sequence[Wish], hide: str) -> Guid:
    """Accept the draft of a figure with these masks, or give them to its card.

    Raises:
        RefusedError: no mask is left, or it is not a figure, or it no longer waits.
    """
    line = _figure(ledger, id)
    # the card, or the one that a draft revises
    guid = line.waiting.revises if line.waiting else None
    if line.card:
        guid = line.card.guid
    used: list[int] = []
    if guid:
        state, _ = cards.state_of(ledger, guid)
        used = list(map(int, state.numbers))
    before = occlusion.masks_in(line.fields)
    masks = occlusion.write(occlusion.as_wished(before, wishes, hide, used))
    if line.card:
        decide.set_masks(ledger, line.card.guid, masks)
        return line.card.guid
    accepted = ledger.accept(id, masks=masks)
    return Guid(accepted or "")


def _figure(ledger: Ledger, id: str) -> Line:
    """Return the draft or card of a figure.

    Raises:
        RefusedError: it is not a figure, or it no longer waits.
    """
    line = next(ledger.lines([id]), None)
    if line is None or line.kind is not CardKind.OCCLUSION:
        raise RefusedError(f"{id} is no figure that waits", hint="ankiforge list")
    return line


MASKS = "Masks"
HIDE = "Hide"
"""What a person may type of a figure as if it were fields of it: the numbers of its masks, and what
is hidden, `all` or `one`."""


def as_typed(field: str) -> Fields:
    """Return the masks of a figure as a person types them, see `edit_masks`."""
    masks = occlusion.parse(field)
    numbers = " ".join(str(mask.number) for mask in masks.shown)
    return ((MASKS, numbers), (HIDE, masks.hide))


def edit_masks(ledger: Ledger, id: str, typed: Texts) -> Guid:
    """Accept the draft of a figure, or change its card, as a person typed it.

    Args:
        ledger: has the draft or card.
        id: its id.
        typed: `Masks`, the numbers of those that are switched on, and `Hide`, or one of them.

    Raises:
        UsageError: the figure has no such mask, or that is not a field of a figure.
        RefusedError: it is not a figure, or it no longer waits.
    """
    for name in typed:
        if name not in (MASKS, HIDE):
            hint = (
                'its masks by their numbers, --field Masks "1 3 4", and --field Hide one'
            )
            raise UsageError(f"no field {name!r} on a figure", hint=hint)
    masks = occlusion.masks_in(_figure(ledger, id).fields)
    hide = typed.get(HIDE, masks.hide)
    if hide not in (occlusion.ALL, occlusion.ONE):
        message = f"Hide: {hide!r} is neither all nor one"
        raise UsageError(message, hint="--field Hide one")

    wanted = {mask.number for mask in masks.shown}
    if MASKS in typed:
        wanted = set()
        for part in typed[MASKS].replace(",", " ").split():
            if not (part.isascii() and part.isdigit() and len(part) < 4):
                message = f"Masks: {part!r} is no number of a mask"
                raise UsageError(message, hint='--field Masks "1 3"')
            wanted.add(int(part))
    unknown = wanted - {mask.number for mask in masks.masks}
    if unknown:
        raise UsageError(f"{id} has no mask {min(unknown)}", hint=f"ankiforge show {id}")

    wishes = []
    for mask in masks.masks:
        edges = (mask.left, mask.top, mask.width, mask.height)
        wishes.append(Wish(*edges, number=mask.number, on=mask.number in wanted))
    return set_masks(ledger, id, wishes, hide)
