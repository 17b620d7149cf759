"""Filler: what stands where a question, an answer or a hint should, and is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import authored, read
from ankiforge.check.lexical.words import content, listed, stem, tokens
from ankiforge.check.rule import Bound, Rule
from ankiforge.check.source.evidence import folded, said
from ankiforge.model import CardKind, Draft, Family, Finding, Severity

PLACEHOLDER = Rule("placeholder", Severity.BLOCK, "a placeholder instead of words:")
OPTIONS_MISSING = Rule(
    "options_missing", Severity.BLOCK, "asks for one of several options the card does not show:"
)
FRAGMENT = Rule("enumeration_fragment", Severity.WARN, "begins like an item of a list:")
HINT_LEAK = Rule("hint_leak", Severity.BLOCK, "the hint gives the answer away:")
REVERSE_UNFIT = Rule(
    "reverse_unfit",
    Severity.WARN,
    "asked from the other side it is no question:",
    Bound(25, 3, 1000, "words"),
)
UNEXPLAINED = Rule(
    "unexplained_symbols",
    Severity.WARN,
    "the question holds symbols it does not explain:",
    Bound(2, 0, 100, "symbols"),
)
CODE_GT10 = Rule("code_gt10l", Severity.WARN, "the code is long:", Bound(10, 1, 200, "lines"))
TABLE_GT4 = Rule("table_gt4r", Severity.WARN, "the table is large:", Bound(4, 1, 100, "rows"))
RULES = (
    PLACEHOLDER,
    OPTIONS_MISSING,
    FRAGMENT,
    HINT_LEAK,
    REVERSE_UNFIT,
    UNEXPLAINED,
    CODE_GT10,
    TABLE_GT4,
)

# --- nothing said -------------------------------------------------------------------------------

_EMPTY = re.compile(
    r"\W*(?:n/?a|t\.?b\.?d|todo|to do|fixme|x{3,}|lorem ipsum.*|placeholder|your (?:question|answer)"
    r"(?: here)?|insert \w+(?: here)?|(?:question|answer|front|back|text) here)\W*",
    re.IGNORECASE | re.DOTALL,
)
_DOTS = re.compile(r"(?:\.{2,}|…|[-–—_]{3,}|\?{1,5}|[\[(<{]+\W*[\])>}]+)")
_AMBIGUOUS = frozenset(listed("string str null undefined answer question front back nan"))
"""Words of a schema that may as well be an answer, where the source has them."""


def placeholder(draft: Draft, context: Context) -> Iterator[Finding]:
    """Each side says something: no `...`, `TODO`, `N/A`, and no word of the schema."""
    reading = read(draft)
    front = "" if draft.kind.family is Family.CLOZE else reading.asked
    for side in filter(None, (front, *reading.answers)):
        plain = " ".join(side.split())
        if _DOTS.fullmatch(plain) or (len(plain) < 60 and _EMPTY.fullmatch(plain)):
            yield PLACEHOLDER.found(f"“{plain}”")
            return
        word = plain.strip("<>[](){}\"'. ").casefold()
        known = context.highlight.exact
        doubtful = word in _AMBIGUOUS and known and not authored(draft)
        if doubtful and word not in tokens(said(context.highlight)):
            yield PLACEHOLDER.found(f"“{plain}”")
            return


_OPTIONS = re.compile(
    r"\b(?:which|what|who|choose|select|one)\b[^?]{0,40}\bof (?:the following|these options|the options)"
    r"(?: below)?\b|\b(?:all|none|both|any) of the (?:above|below)\b|\bwelche[rs]? der folgenden\b"
    r"|\b(?:lequel|laquelle|lesquels) des? suivants?\b|\bcuál(?:es)? de (?:los|las) siguientes\b",
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?:^|\n)\s*(?:[-*+•]|\(?[a-eA-E1-5][).:])\s|\b[aA][).]\s.+\b[bB][).]\s", re.DOTALL
)


def options(draft: Draft, context: Context) -> Iterator[Finding]:
    """No “which of the following” without what follows, no “all of the above”."""
    reading = read(draft)
    found = _OPTIONS.search(reading.asked) or _OPTIONS.search(" ".join(reading.answers))
    if found and not _LISTED.search(reading.asked):
        yield OPTIONS_MISSING.found(f"“{found[0]}”")


_ITEM = re.compile(
    r"\s*(?:\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})\)|\d{1,2}\.(?=\s+[^\W\d])|[•◦▪])\s*(?=\S)",
    re.IGNORECASE,
)


def fragments(draft: Draft, context: Context) -> Iterator[Finding]:
    """No `2) …` left over from a list."""
    name = "Text" if draft.kind.family is Family.CLOZE else "Front"
    texts = [draft.field(name)]
    back = draft.field("Back")
    if "\n" not in back.strip():
        texts.append(back)
    for text in texts:
        found = _ITEM.match(text.replace("\\", ""))
        if found and not re.match(r"\s*\(?[a-h]\)\s*[=+\-^]", text):
            yield FRAGMENT.found(f"“{text.strip()[:20]}”")
            return


# --- hints --------------------------------------------------------------------------------------

_IN_BRACKETS = re.compile(r"(?<=\s)\(([^()\n]{2,80})\)")
_TELLING = 5
"""Letters that a hint and an answer may begin with alike."""


def hints(draft: Draft, context: Context) -> Iterator[Finding]:
    """A hint narrows down what is asked for; it does not say it. First letters are fair."""
    reading = read(draft)
    for gap, answer in zip(reading.gaps, reading.answers, strict=False):
        if gap.hint.strip() and _gives_away(gap.hint, answer):
            yield HINT_LEAK.found(f"“{gap.hint.strip()[:40]}”")
            return
    for found in _IN_BRACKETS.finditer(reading.asked) if reading.answers else ():
        if draft.kind.family is Family.BASIC and _gives_away(found[1], reading.answers[0]):
            yield HINT_LEAK.found(f"“({found[1][:40]})”")
            return


_EITHER = re.compile(r"\s*(?:/|\bor\b|\boder\b|\bou\b|\bvs\b\.?)\s*")
_ITEMS = re.compile(r"\s*(?:,|;|\band\b|\bund\b|\bor\b)\s*")


def _offers(hint: str, answer: str) -> bool:
    """Whether the hint names the answer as one of several to choose from."""
    for pattern, least in ((_EITHER, 2), (_ITEMS, 3)):
        choices = [choice for choice in pattern.split(hint) if choice]
        if len(choices) >= least and any(choice.endswith(answer) for choice in choices):
            return True
    return False


def _gives_away(hint: str, answer: str) -> bool:
    said, wanted = folded(hint).strip(" .…"), folded(answer).strip(" .…")
    if not said or not wanted:
        return False
    if _offers(said, wanted):
        return False
    if said == wanted or (len(wanted) >= 4 and wanted in said):
        return True
    if (
        len(wanted) >= 2
        and wanted in said
        and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said)
    ):
        return True
    if said.isalpha() and wanted.startswith(said):
        return len(said) > max(2, len(wanted) / 2)
    ours, theirs = content(hint), {stem(word) for word in content(answer) if len(word) >= _TELLING}
    told = {stem(word) for word in ours if len(word) >= _TELLING}
    return bool(theirs) and len(theirs & told) >= max(1, len(theirs) / 2)


# --- both ways ----------------------------------------------------------------------------------


def reverse(draft: Draft, context: Context) -> Iterator[Finding]:
    """The back of a two-way card asks for its front: short enough, and without naming it."""
    if draft.kind is not CardKind.TWO_WAY:
        return
    reading = read(draft)
    term, description = reading.asked.strip(" ?."), reading.answers[0]
    words = len(description.split())
    if words > context.limits.of(REVERSE_UNFIT):
        yield REVERSE_UNFIT.exceeded(words, context.limits.of(REVERSE_UNFIT))
    elif reading.asked.rstrip().endswith(("?", "？")):
        yield REVERSE_UNFIT.found("the front is a question, no term")
    elif len(term) >= 4 and re.search(
        rf"(?<!\w){re.escape(term)}(?:e?s)?(?!\w)", description, re.IGNORECASE
    ):
        yield REVERSE_UNFIT.found(f"the back names “{term[:40]}”")


# --- formulae, code, tables -----------------------------------------------------------------------

_MATHS = re.compile(r"\$\$?([^$\n]{1,400})\$\$?")
_NAMED = re.compile(r"\\(?:text|mathrm|operatorname|textrm|mathit)\s*\{[^{}]*\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_GREEK = frozenset(
    listed(
        """alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi rho
    sigma tau phi varphi chi psi omega Gamma Delta Theta Lambda Sigma Phi Psi Omega"""
    )
)
_USUAL = frozenset("xyznijkeEPFmatcdfgpABXYCLOS") | {"pi", "Delta", "Sigma"}
"""Symbols that need no word: everybody's variables, and those of the best known laws."""


def symbols(draft: Draft, context: Context) -> Iterator[Finding]:
    """The symbols of a question are named in it, but for those that everybody knows."""
    if draft.kind.family is Family.CLOZE:
        return
    front = draft.field("Front")
    used = {name for formula in _MATHS.findall(front) for name in _symbols(formula)}
    prose = _MATHS.sub(" ", front)
    alone = [f for f in _MATHS.findall(front) if len(_symbols(f)) == 1]
    explained = {name for formula in alone for name in _symbols(formula)}
    explained |= set(re.findall(r"(?<![\w'’])[A-Za-z](?![\w'’])", prose))
    strange = sorted(used - explained - _USUAL)
    if len(strange) > context.limits.of(UNEXPLAINED):
        told = ", ".join(strange[:6])
        yield UNEXPLAINED.exceeded(len(strange), context.limits.of(UNEXPLAINED), told)


def _symbols(formula: str) -> set[str]:
    plain = _NAMED.sub(" ", formula)
    greek = {name for name in _COMMAND.findall(plain) if name in _GREEK}
    letters = re.findall(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])|[α-ωΑ-Ω]", _COMMAND.sub(" ", plain))
    return greek | set(letters)


_FENCE = re.compile(r"^ {0,3}(?:```|~~~)[^\n]*\n(.*?)^ {0,3}(?:```|~~~)", re.DOTALL | re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|[^\n]*\|[ \t]*$", re.MULTILINE)


def blocks(draft: Draft, context: Context) -> Iterator[Finding]:
    """Code and tables that can be taken in at a glance."""
    for _, text in draft.fields:
        if "```" in text or "~~~" in text:
            lines = max(
                (fence.strip("\n").count("\n") + 1 for fence in _FENCE.findall(text)), default=0
            )
            yield from context.limits.counted(lines, CODE_GT10)
        if "|" in text:
            yield from context.limits.counted(max(len(_ROW.findall(text)) - 2, 0), TABLE_GT4)


CHECKS = (placeholder, options, fragments, hints, reverse, symbols, blocks)
