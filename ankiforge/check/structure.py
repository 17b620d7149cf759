"""Structure: what would break on the way to Anki, or leaves nothing to ask. Blocks everyone."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from ankiforge.check.context import Context
from ankiforge.check.lexical.normal import bare
from ankiforge.check.lexical.reading import GAP, authored, hidden_gaps, without
from ankiforge.check.rule import Bound, Rule
from ankiforge.model import Draft, Family, Finding, Severity
from ankiforge.text import cloze
from ankiforge.text.cloze import Shield, outside, shields
from ankiforge.text.fold import clean, is_visible

MAX_LENGTH = 8000
MAX_CLOZES = 64
"""Beyond these no other check reads a card: they bound its work."""


def _firm(id: str, says: str, bound: Bound | None = None) -> Rule:
    """What would break in Anki blocks, whatever anybody sets."""
    return Rule(id, Severity.BLOCK, says, bound, firm=True)


TOO_LONG = _firm("too_long", "too long to be a card:", Bound(8000, 200, 8000, "characters"))
EMPTY_SIDE = _firm("empty_side", "one side is empty:")
MALFORMED_CLOZE = _firm("malformed_cloze", "the cloze is malformed:")
BAD_TEMPLATE = _firm("bad_template", "`{{` that begins no cloze:")
GAP_IS_ALL = _firm("gap_is_all", "nothing is left to ask by:")
MATH_UNBALANCED = _firm("math_unbalanced", "a formula is not closed:")
BRACE_UNBALANCED = _firm("brace_unbalanced", "braces of a formula do not match:")
CONTROL_CHARACTER = _firm(
    "control_character", "holds a control character, often a broken `\\t` or `\\f`:"
)
RULES = (
    TOO_LONG,
    EMPTY_SIDE,
    MALFORMED_CLOZE,
    BAD_TEMPLATE,
    GAP_IS_ALL,
    MATH_UNBALANCED,
    BRACE_UNBALANCED,
    CONTROL_CHARACTER,
)


def too_long(draft: Draft, context: Context) -> Iterator[Finding]:
    """A card of pages is a document."""
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.field("Text").count("{{")
    if length > context.limits.of(TOO_LONG):
        yield TOO_LONG.exceeded(length, context.limits.of(TOO_LONG))
    elif clozes > MAX_CLOZES:
        yield TOO_LONG.found(f"{clozes} clozes of at most {MAX_CLOZES}")


# --- sides ----------------------------------------------------------------------------------


def empty_side(draft: Draft, context: Context) -> Iterator[Finding]:
    """Front and back both show something; a picture is something."""
    if draft.kind.family is Family.BASIC:
        for name in ("Front", "Back"):
            if not _shows(draft.field(name)):
                yield EMPTY_SIDE.found(name)


def _shows(text: str) -> bool:
    """Whether anything is seen of it once it is stored; `&nbsp;` is a blank but in code."""
    if text[:1].isalpha():
        return True  # most texts: no markup begins with a letter
    return is_visible(bare(outside(clean(text), html.unescape))) or "![" in text


def malformed_cloze(draft: Draft, context: Context) -> Iterator[Finding]:
    """Each cloze is closed, filled and numbered from 1 to 500, and there is one."""
    if draft.kind.family is Family.CLOZE:
        for problem in dict.fromkeys(cloze.problems(draft.field("Text"))):
            yield MALFORMED_CLOZE.found(problem)


def gap_is_all(draft: Draft, context: Context) -> Iterator[Finding]:
    """While a number is hidden, words, a formula or a hint remain to ask by."""
    text = draft.field("Text")
    for number, hidden in hidden_gaps(draft):
        rest = without(text, hidden).replace(GAP, "")
        hinted = any(gap.hint.strip() for gap in hidden)
        if not hinted and not re.search(r"\w", rest) and "![" not in text:
            yield GAP_IS_ALL.found(f"c{number} hides all of it")


_TEMPLATE = re.compile(r"\{\{")
_IN_MATHS = re.compile(r"\{\{c\d+::")


def bad_template(draft: Draft, context: Context) -> Iterator[Finding]:
    """`{{answer}}`, `{{c1:answer}}` and a cloze within a formula hide nothing."""
    for _, text in draft.fields:
        if "{{" not in text:
            continue
        starts = {gap.start for gap in cloze.gaps(text)}
        shielded = shields(text)
        for match in _TEMPLATE.finditer(text):
            around = [kind for start, end, kind in shielded if start <= match.start() < end]
            lost = "display" in around or "math" in around
            if (lost and _IN_MATHS.match(text, match.start())) or not (
                around or match.start() in starts
            ):
                yield BAD_TEMPLATE.found(f"“{text[match.start() : match.start() + 20]}”")
                return


# --- formulae and letters -------------------------------------------------------------------

_OPENS = re.compile(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
"""A `$` before a word; not a shell variable, and no price."""
_TEX = re.compile(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
_TEX_WORD = re.compile(r"\S*(?:\\[A-Za-z]|\^|\w_)\S*$")


def formulae(draft: Draft, context: Context) -> Iterator[Finding]:
    """Every `$` that begins a formula ends one; prices and shell variables are none."""
    for _, text in draft.fields:
        shielded = shields(text)
        for start, end, kind in shielded:
            if kind in ("math", "display") and not _balanced(text[start:end]):
                yield BRACE_UNBALANCED.found(text[start:end][:40])
        open_at = _unclosed(text, shielded)
        if open_at is not None:
            yield MATH_UNBALANCED.found(f"“{text[open_at : open_at + 30]}”")


def _balanced(formula: str) -> bool:
    depth = 0
    for sign in re.findall(r"(?<!\\)(?:\\\\)*[{}]", formula):
        depth += 1 if sign.endswith("{") else -1
        if depth < 0:
            return False
    return depth == 0


def _unclosed(text: str, shielded: list[Shield]) -> int | None:
    """Where a lone `$` opens or closes what looks like a formula."""
    for match in re.finditer(r"\$", text):
        at = match.start()
        if not any(start <= at < end for start, end, _ in shielded):
            line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
            opens = _OPENS.match(text, at) and _TEX.search(line)
            if opens or _TEX_WORD.search(text[max(0, at - _LOOK_BACK) : at]):
                return at
    return None


_LOOK_BACK = 40
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TAB = re.compile(r"\t")


def control_character(draft: Draft, context: Context) -> Iterator[Finding]:
    """Nothing that no keyboard types; a tab only where a person typed it."""
    for name, raw in draft.fields:
        text = raw.replace("\r\n", "\n")
        found = _CONTROL.search(text) or (None if authored(draft) else _TAB.search(text))
        if found:
            yield CONTROL_CHARACTER.found(f"U+{ord(found[0]):04X} in {name}")


CHECKS = (empty_side, malformed_cloze, gap_is_all, bad_template, formulae, control_character)
