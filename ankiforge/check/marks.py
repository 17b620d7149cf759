"""Checks of how a passage was marked: metadata, code, another tool's card, figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.model import (
    COMMENT_AND_MORE,
    OTHER_NOTE,
    OTHER_SCHEDULE,
    Card,
    Finding,
    Form,
    Severity,
)
from ankiforge.text import occlusion, regex
from ankiforge.text.cloze import image_paths
from ankiforge.text.tools import schedule_of

# --- lines with `::` ------------------------------------------------------------------

# The deck or tags of a note, as a tool reads them, and a number or letter of a list:
# `1)`.
_DECLARATION = regex(r"(?i)(?:TARGET[ _]DECK|FILE[ _]TAGS)\b|\W*\w{1,2}[.)）]\Z")
_CODE_LINE = regex(
    r"\w(?<!:)::~?[\w.]+(?:\(|<|;|::)"  # std::vector<int>, Foo::bar()
    # an address: fe80::1, 2001::1:2, but not the year in `1989::9 November`
    r"|(?<![\w:])(?=\w*\d)(?=\d*[A-Fa-f]|\w+::[0-9A-Fa-f]*[:/])"
    r"[0-9A-Fa-f]{3,4}::[0-9A-Fa-f:]*(?:/\d+)?(?!\w)"
    r"|::=|^\S+\s+::\s+\S+(?:\s+\S+){0,3}\s*(?:->|=>|→|⇒)"  # a grammar, a type
    # a member of a class, but not `JavaScript::a language`
    r"|(?<=\s)[A-Z]\w*[a-z][A-Z]\w*::\w|^[A-Z]\w*[a-z][A-Z]\w*::\w+\W*$"
    r"|\b(?:SELECT|UPDATE|DELETE|WHERE)\b.*\w::\w|\[\w+::"  # a query
)
# A value that is typical of a Dataview field.
_VALUE = regex(
    r"(?i)(?:https?://|www\.)\S+|\d{4}-\d\d-\d\d.*|\d\d?:\d\d|\d/\d+|\[[ xX]?\]"
    r"|(?:true|false|yes|no)"
    r"|(?:#[^\s,#]+[\s,]*)+|(?:\[\[[^\]]*\]\][\s,]*)+"
)


@needs(Needs.REST)
def form(draft: Card, context: Context) -> Iterator[Finding]:
    """Find cards of doubtful marks, of other tools, and with unreadable pictures."""
    highlight = context.highlight
    if highlight.form is Form.TERM:
        yield make_finding("loose_term")
    elif highlight.form is Form.PHRASE and highlight.document.clipped:
        yield make_finding("clipped")
    elif highlight.form is Form.INLINE_FIELD:
        several = highlight.exact.count("::") > 1
        yield make_finding(
            "inline_field", "it contains several" if several else "it may be metadata"
        )
    elif highlight.form is Form.INLINE:
        front = draft.field("Front")
        back = draft.field("Back").strip("*_= ")
        is_call = _open_brackets(front) > 0 > _open_brackets(back)
        is_question = highlight.declared or front.endswith("?")
        is_value = not is_question and _VALUE.fullmatch(back)
        if is_call or _CODE_LINE.search(highlight.exact):
            yield make_finding("inline_field", "it may be code")
        elif is_value or _DECLARATION.match(front):
            yield make_finding("inline_field", "it may be metadata")

    if draft.origin.drafter == COMMENT_AND_MORE:
        yield make_finding("says_more")
    if highlight.open_end:
        yield make_finding("open_end")
    if highlight.other_note:
        yield make_finding(OTHER_NOTE, str(highlight.other_note))
    if schedule_of(highlight.schedule):
        yield make_finding(OTHER_SCHEDULE)
    every_field = "\n".join(text for _, text in draft.fields)
    for path in image_paths(every_field):
        fault = context.picture_fault(path)
        if fault:
            yield make_finding("unreadable_picture", fault)


def _open_brackets(text: str) -> int:
    """Return how many brackets of a text are not closed; less than 0 if they close others."""
    return len(re.findall(r"[(（\[]", text)) - len(re.findall(r"[)）\]]", text))


# --- figures --------------------------------------------------------------------------


NO_LABEL = "no_label"
"""The check that finds a figure with nothing to hide."""
MANY_LABELS = "many_labels"
"""The check that finds a figure with more labels than a person learns of one picture."""
MOST_LEARNT = 40
"""Labels that are not yet many: all of a detailed drawing in a textbook."""


def look(draft: Card, context: Context) -> Iterator[Finding]:
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
