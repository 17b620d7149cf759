"""Checks of what would break on the way to Anki, or leaves nothing to ask."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from ankiforge.check.reading import (
    GAP,
    Context,
    Needs,
    authored,
    counted,
    make_finding,
    needs,
    read,
    without,
    without_markup,
)
from ankiforge.language.quantities import is_cut
from ankiforge.model import Family, Finding, HighlightKind, Severity, Words
from ankiforge.text import cloze, regex
from ankiforge.text.decoding import damage_in
from ankiforge.text.fold import clean, is_visible, outside, shields

MAX_LENGTH = 8000
MAX_CLOZES = 64
"""No other check reads larger cards, which limits the effort."""


def too_long(draft: Words, context: Context) -> Iterator[Finding]:
    """Find oversized cards. Not one of the declared checks: it runs before them."""
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.field("Text").count("{{")
    yield from counted(length, "too_long")
    if length <= MAX_LENGTH and clozes > MAX_CLOZES:
        yield make_finding("too_long", f"{clozes} clozes of at most {MAX_CLOZES}")


_CONTROL = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@needs(Needs.CARD)
def structure(draft: Words, context: Context) -> Iterator[Finding]:
    """Find faults that would break a card in Anki, or leave nothing to ask."""
    problems: Sequence[str] = ()
    if draft.kind.family is Family.BASIC:
        yield from _empty_sides(draft)
    else:
        problems = tuple(dict.fromkeys(cloze.problems(draft.field("Text"))))
        yield from _gaps_without_text(draft)
    for problem in problems:
        yield make_finding("malformed", problem)

    # what a person typed is only counted: they may write about templates
    severity = Severity.INFO if authored(draft) else None
    every_field = [text for _, text in draft.fields]
    lost = next(filter(None, map(_lost_cloze, every_field)), "")
    if lost and not problems:
        detail = f"“{lost}” begins no cloze"
        yield make_finding("malformed", detail, severity=severity)
    for rule, faults in (
        ("maths", map(_unclosed_formula, every_field)),
        ("other_program", map(_of_other_program, every_field)),
    ):
        for fault in filter(None, faults):
            yield make_finding(rule, f"“{fault}”")
    for name, text in draft.fields:
        sign = _CONTROL.search(text.replace("\r\n", "\n"))
        if sign is None and not authored(draft):
            sign = re.search("\t", text)  # no person typed it
        if sign:
            detail = f"U+{ord(sign[0]):04X} in {name}"
            yield make_finding("control_character", detail, severity=severity)


# Signs of list items without words: `- -`.
_EMPTY_ITEMS = regex(r"(?m)^[ \t]*(?:[-*+][ \t]+)+[-*+]?[ \t]*$")


def _empty_sides(draft: Words) -> Iterator[Finding]:
    """Find sides that show nothing; `&nbsp;` is a blank, except in code."""
    for name in ("Front", "Back"):
        text = draft.field(name)
        with_words = _EMPTY_ITEMS.sub("", clean(text))
        shown = without_markup(outside(with_words, html.unescape))
        if not is_visible(shown) and "![" not in text:
            yield make_finding("empty_side", name)


def _gaps_without_text(draft: Words) -> Iterator[Finding]:
    """Find cards with no word, formula, picture or hint beside the gaps of a number."""
    text = draft.field("Text")
    for number, hidden in read(draft).hidden:
        rest = without(text, hidden).replace(GAP, "")
        if any(gap.hint.strip() for gap in hidden):
            continue
        if "![" not in text and not re.search(r"\w", rest):
            yield make_finding("gap_is_all", f"c{number}")


@needs(Needs.CARD)
def cut_words(draft: Words, context: Context) -> Iterator[Finding]:
    """Find gaps that begin or end within a word, a number or a quantity with its unit."""
    if draft.kind.family is not Family.CLOZE:
        return
    text = ""
    edges = []
    for before, answer in cloze.marked_gaps(draft.field("Text")):
        text += before
        if answer:
            edges += [len(text), len(text) + len(answer)]
        text += answer
    for edge in edges:
        if is_cut(text, edge):
            start = max(text.rfind(" ", 0, edge), text.rfind("\n", 0, edge)) + 1
            severity = None
            if context.highlight.kind is HighlightKind.CARD:
                severity = Severity.INFO
            cut = text[start : edge + 10].split()[0]
            yield make_finding("gap_cuts", f"“{cut}”", severity=severity)
            return


# Diagrams and queries, fields of templates, macros, references to blocks, elements of Hiccup, and
# TeX outside of maths: another
# program shows something else in their place.
_DIAGRAM = regex(
    r"(?im)^[ \t>]*(?:`{3,}|~{3,})[ \t]*(?P<language>mermaid|plantuml|puml|dot|graphviz|tikz|chart"
    r"|dataview(?:js)?|query|tasks|templater|excalidraw|abc|flow|sequence|markmap|kanban)\b"
)
_OF_TEMPLATE = regex(
    r"<%.{1,200}?%>|(?<!\\)\{\{(?!c\d)[A-Za-z][\w-]*[ \t][^{}\n]{1,200}\}\}"
    r"|(?<![\w\])[])\[:[a-z][\w-]*(?:[ \t][^\[\]\n]{0,200})?\]"
    r"|\(\([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\)\)"
    r"|\\\\[(\[][^\n]{1,200}?\\[A-Za-z^_][^\n]{0,200}?\\\\[)\]]"
    r"|\\begin\{(?:equation|align|gather|multline|eqnarray|[pbv]?matrix)\*?\}"
)


def _of_other_program(text: str) -> str:
    """Return the first sign in a text in whose place another program shows something else."""
    diagram = _DIAGRAM.search(text)
    if diagram:
        return diagram["language"]
    shielded = [(start, end) for start, end, kind in shields(text) if kind != "escape"]
    for sign in _OF_TEMPLATE.finditer(text):
        if not any(start <= sign.start() < end for start, end in shielded):
            return sign[0]
    return ""


_CLOZE_IN_MATHS = regex(r"\{\{c\d+::")


def _lost_cloze(text: str) -> str:
    """Return the first `{{` that is not a cloze: `{{answer}}`, `{{c1:…}}`, a cloze in a formula."""
    if "{{" not in text:
        return ""
    clozes_at = {gap.start for gap in cloze.gaps(text)}
    shielded = shields(text)
    for match in re.finditer(r"\{\{", text):
        place = match.start()
        kinds = [kind for start, end, kind in shielded if start <= place < end]
        if kinds:
            is_in_maths = "display" in kinds or "math" in kinds
            is_lost = is_in_maths and _CLOZE_IN_MATHS.match(text, place) is not None
        else:
            is_lost = place not in clozes_at
        if is_lost:
            return text[place : place + 20]
    return ""


# A `$` before a word; not a shell variable or a price.
_OPENS = regex(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
_TEX = regex(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
# The end of a word with TeX in it, before a closing `$`.
_TEX_WORD = regex(r"(?:\\[A-Za-z]|\^|\w_)\S*$")
_BRACE = regex(r"(?<!\\)(?:\\\\)*([{}])")


def _unclosed_formula(text: str) -> str:
    """Return the first formula that is not closed, or whose braces do not match."""
    shielded = shields(text)
    for start, end, kind in shielded:
        if kind not in ("math", "display"):
            continue
        depth = 0
        for brace in _BRACE.findall(text[start:end]):
            depth += 1 if brace == "{" else -1
            if depth < 0:
                break
        if depth != 0:
            return text[start:end][:40]
    # a lone dollar opens or closes a formula, to judge by the TeX beside it
    for match in re.finditer(r"\$", text):
        place = match.start()
        if any(start <= place < end for start, end, _ in shielded):
            continue
        line_start = text.rfind("\n", 0, place) + 1
        line, _, _ = text[line_start:].partition("\n")
        opens = _OPENS.match(text, place) and _TEX.search(line)
        if opens or _TEX_WORD.search(text[max(0, place - 40) : place]):
            return text[place : place + 30]
    return ""


@needs(Needs.CARD)
def damaged_text(draft: Words, context: Context) -> Iterator[Finding]:
    """Find letters that a wrong encoding, or a font without a table of its signs, has damaged."""
    for name, text in draft.fields:
        damage = damage_in(text)
        if damage:
            yield make_finding("damaged_text", f"“{damage}” in {name}")
