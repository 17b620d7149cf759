"""The checks of a figure with hidden labels. It has no words that other checks could judge."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.check.findings import Context, make_finding
from ankiforge.model import Draft, Finding, Severity
from ankiforge.text import occlusion
from ankiforge.text.cloze import image_paths

NO_LABEL = "no_label"
"""The check that finds a figure with nothing to hide."""


def look(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what would leave nothing to ask or nothing to see."""
    masks = occlusion.masks_in(draft.fields)
    if not masks.shown:
        yield Finding(
            NO_LABEL,
            Severity.BLOCK,
            "no label found; draw one: ankiforge review",
        )
    for path in image_paths(draft.field("Image")):
        fault = context.picture_fault(path)
        if fault:
            yield make_finding("unreadable_picture", fault)
