"""The checks of a figure with hidden labels. It has no words that other checks could judge."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.check.findings import Context, make_finding
from ankiforge.model import Draft, Finding, Severity
from ankiforge.text import occlusion
from ankiforge.text.cloze import image_paths

NO_LABEL = "no_label"
"""The check that finds a figure with nothing to hide."""
MANY_LABELS = "many_labels"
"""The check that finds a figure with more labels than a person learns of one picture."""
MOST_LEARNT = 40
"""Labels that are not yet many: all of a detailed drawing in a textbook."""


def look(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find figures that leave nothing to ask or nothing to see."""
    masks = occlusion.masks_in(draft.fields)
    if not masks.shown:
        hint = "no label found; draw one: ankiforge review"
        yield Finding(NO_LABEL, Severity.BLOCK, hint)
    count = len(masks.shown)
    if count > MOST_LEARNT:
        hint = (
            f"{count} labels are {count} cards; switch off what you do not want to learn"
        )
        yield Finding(MANY_LABELS, Severity.WARN, hint)
    for path in image_paths(draft.field("Image")):
        fault = context.picture_fault(path)
        if fault:
            yield make_finding("unreadable_picture", fault)
