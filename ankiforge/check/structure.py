"""Check for faults that break a card in Anki or leave it with nothing to ask."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from ankiforge.check.rules_and_text import (
    GAP_PLACEHOLDER,
    CheckContext,
    blank_out_gaps,
    check_limit,
    is_user_written,
    make_finding,
    parse_draft,
    strip_markup,
)
from ankiforge.language.quantities import splits_word_or_number
from ankiforge.model import CardContent, Finding, HighlightKind, NoteType, Severity
from ankiforge.text import cloze, regex
from ankiforge.text.decoding import find_garbled_word
from ankiforge.text.normalize import (
    find_literal_spans,
    has_visible_text,
    map_outside_literal_spans,
    normalize_for_anki,
)

MAX_CARD_CHARS = 8000
MAX_CLOZES = 64
"""The maximum number of clozes. All other checks skip a card with more clozes or characters."""


def check_size(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a card that is too large for the other checks.

    It isn't listed among the checks, because it runs before all of them.
    """
    length = sum(len(text) for _, text in draft.fields)
    clozes = draft.get_field("Text").count("{{")
    yield from check_limit(length, "too_long")
    if length <= MAX_CARD_CHARS and clozes > MAX_CLOZES:
        yield make_finding("too_long", f"{clozes} clozes of at most {MAX_CLOZES}")


# Matches list markers without text, such as `- -`.
_EMPTY_LIST_ITEMS = regex(r"(?m)^[ \t]*(?:[-*+][ \t]+)+[-*+]?[ \t]*$")
# Each program writes something that Anki shows letter by letter.
_OTHER_SYNTAX = regex(
    r"""(?x)
      <%[^\n]{0,200}?%>                        # Templater
    | \(\([0-9a-f]{8}-[0-9a-f-]{27}\)\)       # a block of Logseq or Roam
    | \{\{(?:video|embed|renderer|query)\b    # a macro of Logseq
    | \{\{[<%][^\n]{0,200}?[>%]\}\}           # a short code of Quarto or Hugo
    | \{(?:\+\+|--|~~|>>)[^\n]{0,400}?(?:\+\+|--|~~|<<)\}  # CriticMarkup
    | (?<=\S\])\{[.\#][\w-][^{}\n]{0,80}\}    # a span of pandoc, such as `[words]{.class}`
    | (?m:^:{3,}[ \t]*\{[^{}\n]*\})            # a block of pandoc or MyST
    | \{[a-z][\w:.-]{0,30}\}(?=`)             # a role of MyST, such as {term}`peat`
    | \w(?:~\d{1,3}~|\^\d{1,3}\^)             # lowered and raised figures of pandoc
    | \^\[[^\[\]\n]{2,400}\](?!\()            # a note in the text
      # a citation of LaTeX
    | \\(?:auto|foot|paren|text)?cite[a-z]{0,4}\*?(?:\[[^\[\]\n]*\]){0,2}\{[^{}\n]{1,80}\}
    | (?<!\S)@[a-z][\w:.-]{2,60}[ ]\[[^\[\]\n]{1,40}\](?!\()  # a citation such as `@key [p. 4]`
      # a citation, such as `[see @key, p. 3]`
    | \[(?:[^\[\]\n@]{0,40}[\s-])?@[\w:.\#$%&+?<>~/-]{2,60}(?:[,;][^\[\]\n]{0,80})?\](?!\()
    """
)
# A label that an export writes before a passage or comment, alone in a gap, or the id of a block.
_EXPORT_LABEL = regex(
    r"""(?x)
      \s*\{\{c\d+::(?P<label>Highlight|Annotation|Comment|Note|Quote|¶)\}\}(?=[ \t]+["“«]?[A-ZÀ-Ý])
    | \s*(?P<id>\^[A-Za-z0-9-]{4,40})\s
    """
)
_CONTROL_CHAR = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def check_empty_sides(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the sides of a question card that show nothing."""
    for name in ("Front", "Back"):
        if not _shows_anything(draft.get_field(name)):
            yield make_finding("empty_side", name)


def _shows_anything(text: str) -> bool:
    """Return whether a side has an image or visible text other than list markers."""
    if "![" in text:
        return True
    shown_text = _EMPTY_LIST_ITEMS.sub("", normalize_for_anki(text))
    shown_text = strip_markup(map_outside_literal_spans(shown_text, html.unescape))
    return has_visible_text(shown_text)


def check_visible_text(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a cloze card that shows nothing but gaps: no word, no image and no hint."""
    text = draft.get_field("Text")
    if "![" in text:
        return
    for number, hidden_gaps in parse_draft(draft).gaps_by_number:
        if any(gap.hint.strip() for gap in hidden_gaps):
            continue
        shown_text = blank_out_gaps(text, hidden_gaps).replace(GAP_PLACEHOLDER, "")
        if not re.search(r"\w", shown_text):
            yield make_finding("gap_is_all", f"c{number}")


def check_cloze_syntax(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report clozes that Anki can't display, or else the first `{{` that begins no cloze."""
    problems: list[str] = []
    if draft.kind.note_type is not NoteType.BASIC:
        problems = list(cloze.find_cloze_problems(draft.get_field("Text")))
    if problems:
        for problem in dict.fromkeys(problems):
            yield make_finding("malformed", problem)
        return
    for _, text in draft.fields:
        broken_cloze = _find_broken_cloze(text)
        if broken_cloze is not None:
            detail = f"“{broken_cloze}” begins no cloze"
            severity = _get_severity_override(draft)
            yield make_finding("malformed", detail, severity=severity)
            return


def check_formula_syntax(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first formula of each field that Anki can't display."""
    for _, text in draft.fields:
        broken_formula = _find_broken_formula(text)
        if broken_formula is not None:
            yield make_finding("maths", f"“{broken_formula}”")


def check_other_syntax(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first piece of text that only another program would show as it is meant.

    One finding is enough: whoever removes it sees the others.
    """
    for name, text in draft.fields:
        syntax = _find_other_syntax(text, is_extra=name == "Extra")
        if syntax is not None:
            yield make_finding("other_program", f"“{syntax}”")
            return


def _find_other_syntax(text: str, *, is_extra: bool) -> str | None:
    """Return the first text in the syntax of another program, except in code and maths."""
    label = _EXPORT_LABEL.match(text)
    if label is not None and not is_extra:
        return label["label"] or label["id"]
    literal_spans = find_literal_spans(text)
    for match in _OTHER_SYNTAX.finditer(text):
        if _find_literal_kind(literal_spans, match.start()) in (None, "escape"):
            return match[0]
    return None


def check_control_characters(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report the first control character in each field."""
    for name, text in draft.fields:
        control_char = _find_control_character(
            text.replace("\r\n", "\n"), accepts_tabs=is_user_written(draft)
        )
        if control_char is not None:
            detail = f"U+{ord(control_char):04X} in {name}"
            severity = _get_severity_override(draft)
            yield make_finding("control_character", detail, severity=severity)


def _find_control_character(text: str, *, accepts_tabs: bool) -> str | None:
    """Return the first control character of a text, or None. A tab counts if no other is found."""
    control_char = _CONTROL_CHAR.search(text)
    if control_char is not None:
        return control_char[0]
    if "\t" in text and not accepts_tabs:
        return "\t"
    return None


def _get_severity_override(draft: CardContent) -> Severity | None:
    """Return INFO if the user wrote the card, or None to keep the rule's own severity.

    A user's card with template syntax may be about templates.
    """
    if is_user_written(draft):
        return Severity.INFO
    return None


def check_gap_edges(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first gap that splits a word, a number, or a number and its unit."""
    text, edges = _reveal_gaps(draft.get_field("Text"))
    for edge in edges:
        if splits_word_or_number(text, edge):
            start = max(text.rfind(" ", 0, edge), text.rfind("\n", 0, edge)) + 1
            cut_word = text[start : edge + 10].split()[0]
            is_card = context.highlight.kind is HighlightKind.CARD
            severity = Severity.INFO if is_card else None
            yield make_finding("gap_cuts", f"“{cut_word}”", severity=severity)
            return


def _reveal_gaps(cloze_text: str) -> tuple[str, list[int]]:
    """Return a text with its answers filled in, and the offsets of the edges of its gaps."""
    text = ""
    edges = []
    for text_before, answer in cloze.split_at_clozes(cloze_text):
        text += text_before
        if answer:
            edges += [len(text), len(text) + len(answer)]
        text += answer
    return text, edges


_CLOZE_IN_MATHS = regex(r"\{\{c\d+::")


def _find_broken_cloze(text: str) -> str | None:
    """Return the text at the first `{{` that doesn't start a working cloze deletion, or None.

    Examples are `{{answer}}`, `{{c1:…}}`, and a cloze deletion inside a formula.
    """
    cloze_starts = {gap.start for gap in cloze.find_clozes(text)}
    literal_spans = find_literal_spans(text)
    for match in re.finditer(r"\{\{", text):
        start = match.start()
        kind = _find_literal_kind(literal_spans, start)
        if kind is None:
            is_broken = start not in cloze_starts
        elif kind in _FORMULA_KINDS:
            is_broken = _CLOZE_IN_MATHS.match(text, start) is not None
        else:
            is_broken = False  # code and escaped braces are meant to be shown
        if is_broken:
            return text[start : start + 20]
    return None


def _find_literal_kind(spans: Iterable[tuple[int, int, str]], offset: int) -> str | None:
    """Return the kind of the code, formula or escape at an offset, or None for other text."""
    for start, end, kind in spans:
        if start <= offset < end:
            return kind
    return None


# The kinds of `find_literal_spans` that are formulas.
_FORMULA_KINDS = ("display", "math")
# Matches a `$` before a word, but not one that begins a shell variable or a price.
_OPENING_DOLLAR = regex(r"\$(?=[^\s\d$])(?![A-Z_][A-Z0-9_]+\b|[{(])")
_TEX_SYNTAX = regex(r"\\[A-Za-z]|[\^=+]|\w_[\w{]")
# Matches the end of a word that contains TeX, which precedes a closing `$`.
_TEX_WORD_END = regex(r"(?:\\[A-Za-z]|\^|\w_)\S*$")
_BRACE = regex(r"(?<!\\)(?:\\\\)*([{}])")


def _find_broken_formula(text: str) -> str | None:
    """Return the start of a formula with unbalanced braces or a missing dollar sign, or None."""
    literal_spans = find_literal_spans(text)
    for start, end, kind in literal_spans:
        if kind in _FORMULA_KINDS and not _are_braces_balanced(text[start:end]):
            return text[start:end][:40]
    for match in re.finditer(r"\$", text):
        offset = match.start()
        if _find_literal_kind(literal_spans, offset) is not None:
            continue
        if _is_dollar_of_formula(text, offset):
            return text[offset : offset + 30]
    return None


def _is_dollar_of_formula(text: str, offset: int) -> bool:
    """Return whether a lone dollar sign opens or closes a formula, judging by the TeX beside it."""
    before, after = text[:offset], text[offset:]
    if _TEX_WORD_END.search(before[-40:]):
        return True
    line = before.rpartition("\n")[2] + after.partition("\n")[0]
    if not _OPENING_DOLLAR.match(after):
        return False
    return _TEX_SYNTAX.search(line) is not None


def _are_braces_balanced(formula: str) -> bool:
    depth = 0
    for brace in _BRACE.findall(formula):
        if brace == "{":
            depth += 1
        else:
            depth -= 1
        if depth < 0:
            return False
    return depth == 0


def check_encoding(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report text garbled by a wrong encoding or by a font without a character map."""
    for name, text in draft.fields:
        damage = find_garbled_word(text)
        if damage:
            yield make_finding("damaged_text", f"“{damage}” in {name}")
