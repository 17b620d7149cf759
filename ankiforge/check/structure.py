"""Checks of what would break on the way to Anki, or leaves nothing to ask."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from ankiforge.check.findings import Context, Needs, counted, make_finding, needs
from ankiforge.check.reading import GAP, authored, read, without, without_markup
from ankiforge.model import Draft, Family, Finding, Severity
from ankiforge.text import cloze, regex
from ankiforge.text.damage import damage_in
from ankiforge.text.fold import clean, is_visible
from ankiforge.text.shields import Shield, outside, shields

MAX_LENGTH = 8000
MAX_CLOZES = 64
"""No other check reads larger cards, which limits the effort."""


def too_long(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find oversized cards. Not one of the declared checks: it runs before them."""
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.field("Text").count("{{")
    yield from counted(length, "too_long")
    if length <= MAX_LENGTH and clozes > MAX_CLOZES:
        yield make_finding("too_long", f"{clozes} clozes of at most {MAX_CLOZES}")


@needs(Needs.CARD)
def structure(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what would break in Anki, or leaves nothing to ask."""
    if draft.kind.family is Family.BASIC:
        problems = []
        yield from _empty_sides(draft)
    else:
        problems = list(dict.fromkeys(cloze.problems(draft.field("Text"))))
        yield from _hiding_all(draft)
    for problem in problems:
        yield make_finding("malformed", problem)
    if not problems:
        yield from _lost_clozes(draft)
    for _, text in draft.fields:
        formula = _unclosed_formula(text)
        if formula:
            yield make_finding("maths", f"“{formula}”")
    yield from _control_characters(draft)


# --- empty sides, and gaps that hide everything ---------------------------------------


def _empty_sides(draft: Draft) -> Iterator[Finding]:
    """Find a front or back that shows nothing."""
    for name in ("Front", "Back"):
        if not _shows_anything(draft.field(name)):
            yield make_finding("empty_side", name)


def _shows_anything(text: str) -> bool:
    """Return whether a text shows anything; `&nbsp;` is a blank, except in code."""
    unescaped = outside(clean(text), html.unescape)
    return is_visible(without_markup(unescaped)) or "![" in text


_WORD = regex(r"\w")


def _hiding_all(draft: Draft) -> Iterator[Finding]:
    """Find numbers that leave no question: no words, formula, picture or hint beside their gaps."""
    text = draft.field("Text")
    if "![" in text:
        return
    for number, hidden in read(draft).hidden:
        rest = without(text, hidden).replace(GAP, "")
        has_hint = any(gap.hint.strip() for gap in hidden)
        if not has_hint and not _WORD.search(rest):
            yield make_finding("gap_is_all", f"c{number}")


# --- braces that begin no cloze -------------------------------------------------------

_CLOZE_IN_MATHS = regex(r"\{\{c\d+::")
_SHOWN_CHARS = 20


def _lost_clozes(draft: Draft) -> Iterator[Finding]:
    """Find `{{` that begins no cloze; a person may write about templates."""
    for _, text in draft.fields:
        lost = _lost_cloze(text)
        if lost:
            severity = Severity.INFO if authored(draft) else None
            detail = f"“{lost}” begins no cloze"
            yield make_finding("malformed", detail, severity=severity)
            return


def _lost_cloze(text: str) -> str:
    """Return the first `{{` that is not a cloze: `{{answer}}`, `{{c1:…}}`, a cloze in a formula."""
    if "{{" not in text:
        return ""
    clozes_at = {gap.start for gap in cloze.gaps(text)}
    shielded = shields(text)
    for match in re.finditer(r"\{\{", text):
        place = match.start()
        kinds = [kind for start, end, kind in shielded if start <= place < end]
        is_in_maths = "display" in kinds or "math" in kinds
        if kinds:
            is_lost = is_in_maths and _CLOZE_IN_MATHS.match(text, place) is not None
        else:
            is_lost = place not in clozes_at
        if is_lost:
            return text[place : place + _SHOWN_CHARS]
    return ""


# --- formulae -------------------------------------------------------------------------

# A `$` before a word; not a shell variable or a price.
_OPENS = regex(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
_TEX = regex(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
# The end of a word with TeX in it, before a closing `$`.
_TEX_WORD = regex(r"(?:\\[A-Za-z]|\^|\w_)\S*$")
_LOOK_BACK = 40
_BRACE = regex(r"(?<!\\)(?:\\\\)*([{}])")


def _unclosed_formula(text: str) -> str:
    """Return the first formula that is not closed, or whose braces do not match."""
    shielded = shields(text)
    for start, end, kind in shielded:
        is_maths = kind in ("math", "display")
        if is_maths and not _braces_match(text[start:end]):
            return text[start:end][:40]
    for match in re.finditer(r"\$", text):
        place = match.start()
        is_lone = not _is_within(place, shielded)
        if is_lone and _is_of_formula(text, place):
            return text[place : place + 30]
    return ""


def _is_of_formula(text: str, place: int) -> bool:
    """Return whether a dollar opens or closes a formula, to judge by the TeX beside it."""
    if _OPENS.match(text, place):
        line_start = text.rfind("\n", 0, place) + 1
        line, _, _ = text[line_start:].partition("\n")
        if _TEX.search(line):
            return True
    before = text[max(0, place - _LOOK_BACK) : place]
    return _TEX_WORD.search(before) is not None


def _braces_match(formula: str) -> bool:
    """Return whether the braces of a formula are balanced, apart from escaped ones."""
    depth = 0
    for brace in _BRACE.findall(formula):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _is_within(place: int, shielded: list[Shield]) -> bool:
    return any(start <= place < end for start, end, _ in shielded)


# --- damaged text ---------------------------------------------------------------------

_CONTROL = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _control_characters(draft: Draft) -> Iterator[Finding]:
    """Find control characters; tabs only if no person typed them."""
    by_author = authored(draft)
    severity = Severity.INFO if by_author else None
    for name, text in draft.fields:
        sign = _CONTROL.search(text.replace("\r\n", "\n"))
        if sign is None and not by_author:
            sign = re.search("\t", text)
        if sign:
            detail = f"U+{ord(sign[0]):04X} in {name}"
            yield make_finding("control_character", detail, severity=severity)


@needs(Needs.CARD)
def damaged_text(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find letters that a wrong encoding, or a font without a table of its signs, has damaged."""
    for name, text in draft.fields:
        damage = damage_in(text)
        if damage:
            yield make_finding("damaged_text", f"“{damage}” in {name}")
