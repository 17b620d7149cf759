"""The syntaxes of highlights and cards in notes, and the patterns that find them.

`FORMS` is the only list of these syntaxes. It determines whether a note must be parsed
(`may_contain_highlights`), and which text outside highlights is reported with a reason
(`LOOKALIKE`). The table in the guide to notes is generated from it (`render_docs_table`).
The other patterns of this module find passages that other programs export into notes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from ankiforge.model import (
    LOGSEQ_MARK,
    OTHER_TOOL_NOTE_PREFIX,
    TAGGED_CARD,
    Strings,
    Value,
)
from ankiforge.model.hints import TOOL_NAMES
from ankiforge.text import contains_any, regex

# --- parts of patterns ------------------------------------------------------------------

LIST_MARKERS = r"(?:[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*"
"""The list markers that may precede the text of a line."""
BOLD_MARKER = r"(?:\*\*|__)?"
QUESTION_LABEL = (
    rf"(?:[-*+][ \t]+|\d{{1,4}}[.)][ \t]+)?{BOLD_MARKER}"
    rf"(?P<label>(?:Q|Question|F|Front|Frage|问|問)\s?\d{{0,4}}){BOLD_MARKER}"
    rf"(?::{BOLD_MARKER}[ \t]|：{BOLD_MARKER})"
)
"""The label of a question, such as `Q:`. It may be bold, numbered or in a list."""
CARD_TAG = r"(?:#card(?P<reverse>[/-]reverse)?(?![\w/-])|#?\[\[card\]\])"
"""The tag of a question with the answer below, as in Logseq and flashcards-obsidian."""
_QUOTED_LINE = rf"^{LIST_MARKERS}(?:>{LIST_MARKERS})*"


class FieldKeywords(
    Value,
    rename={
        "begin": "Begin Note",
        "end": "End Note",
        "begin_inline": "Begin Inline Note",
        "end_inline": "End Inline Note",
        "deck": "Target Deck Line",
        "tags": "File Tags Line",
    },
):
    """The keywords with which Obsidian_to_Anki marks cards, decks and tags.

    They are read from the settings file of the plug-in, which has the names in `rename`.
    """

    begin: str = "START"
    end: str = "END"
    begin_inline: str = "STARTI"
    end_inline: str = "ENDI"
    deck: str = "TARGET DECK"
    tags: str = "FILE TAGS"


# --- the table --------------------------------------------------------------------------

_NO_MARK_REASON = (
    "its other half is missing, it contains no words, or follows a backslash"
)


class NoteSyntax(NamedTuple):
    """One way to write a highlight or a card in a note."""

    key: str
    """The name of the syntax's group in `LOOKALIKE`."""
    name: str
    """The name shown to the user."""
    setting: str = ""
    """The setting that selects the syntax, `marks` or `cards`, or "" for one of another tool."""
    value: str = ""
    """The value that selects the syntax in this setting."""
    literals: Strings = ()
    """Strings of which every note with this syntax contains at least one. In `FORMS`, they are
    casefolded."""
    line: str = ""
    """A pattern that must also match at the start of a line in the note, or ""."""
    sign: str = ""
    """A verbose pattern for text that looks like this syntax, or "" if it would match too much."""
    reason: str = ""
    """Why text that matches `sign` isn't a highlight although the settings select the syntax, as
    shown to the user."""
    covers_note: bool = False
    """Whether a note with this syntax belongs entirely to another tool and isn't read at all."""
    examples: tuple[tuple[str, str], ...] = ()
    """(source, resulting card) pairs for the guide."""


# fmt: off
FORMS = (
    NoteSyntax(
        "mark", "==mark==", "marks", "==", ("==", "＝＝"),
        sign=r"(?P<mark>(?<![=\w])==(?=[^\s=])|＝＝)",
        reason=_NO_MARK_REASON,
        examples=(
            ("Working memory holds ==four chunks== at a time.", "cloze"),
            ("==![[heart.png]]==", "a picture alone: its [labels are hidden](papers.md#figures)"),
        ),
    ),
    NoteSyntax(
        "html", "<mark>", "marks", "mark", ("<mark", "<span"),
        sign=r"(?P<html><mark\b)",
        reason=_NO_MARK_REASON,
        examples=(("A <mark>heron</mark> eats fish.", "cloze"),),
    ),
    NoteSyntax(
        "bold", "**bold**", "marks", "bold", ("**", "__"),
        examples=(("The **liver** makes bile.", "not by default: cloze"),),
    ),
    NoteSyntax(
        "callout", "callout", "marks", "callout", ("[!",),
        examples=(("> [!note] Bile\n> It dissolves fat.", "not by default: a passage"),),
    ),
    NoteSyntax("quote", "> passage", "marks", "quote", (">",)),
    NoteSyntax(
        "gap", "{{gap}}", "cards", "cloze", ("{{",),
        sign=r"(?P<gap>\{\{)",
        reason="it has no number (`{{c1::words}}`), contains no words, crosses paragraphs, or"
        " follows a backslash",
        examples=(
            (
                "Insulin is made by the {{c1::pancreas}}, glucagon by the {{c1::pancreas}} too.",
                "cloze; Mochi's `{{1::pancreas}}` and Logseq's `{{cloze pancreas}}` count, too",
            ),
        ),
    ),
    NoteSyntax(
        "line", "question::answer", "cards", "inline", ("::", "：："),
        sign=r"(?P<line>(?<!:):{2,3}(?!:)|：：)",
        reason="a side has no words, or it is a field (`key:: value`), a cell, a name or a URL",
        examples=(
            ("What does insulin lower?::The sugar in the blood.", "basic"),
            ("o esquecimento:::forgetting", "two-way"),
        ),
    ),
    NoteSyntax(
        "block", "? between question and answer", "cards", "block", ("?", "？"),
        line=r"[?？]{1,2}[ \t]*$",
        sign=rf"{_QUOTED_LINE}(?P<block>(?:\[[^\[\]\n]\][ \t]+)?\?\??[ \t]*$)",
        reason="right above it there is no question, or right below it no answer",
        examples=(
            (
                "What does the pancreas make?\n?\nInsulin and glucagon.",
                "basic; for long answers, code and formulas",
            ),
            ("o cão\n??\nthe dog", "two-way"),
        ),
    ),
    NoteSyntax(
        "asked", "Q: … A: …", "cards", "block", (":", "："),
        line=QUESTION_LABEL,
        sign=rf"{_QUOTED_LINE}(?P<asked>{QUESTION_LABEL.replace('?P<label>', '?:')})",
        reason="its question or answer is missing",
        examples=(("Q: What does bile do?\nA: It dissolves fat.", "basic"),),
    ),
    NoteSyntax(
        "tagged", TAGGED_CARD, "cards", "block", ("#card", "[[card]]"),
        sign=r"^(?P<tagged>[^\n]*(?<!\S)\#card(?:[/-]reverse)?(?![\w/-])[^\n]*$)",
        reason="there are no words before the tag, or no answer below",
        examples=(
            ("What does the liver make? #card\nBile.", "basic; `#card/reverse` is two-way"),
        ),
    ),
    NoteSyntax(
        "glossary", "Term: meaning", "cards", "glossary",
        examples=(
            (
                "## Glossary\n\n- Insulin: lowers sugar\n- Glucagon: raises sugar",
                "basic, one per item",
            ),
        ),
    ),
)
# fmt: on
"""All syntaxes. `LOOKALIKE` tries them in this order, except for `line`, which comes last."""
FORM_BY_KEY = {form.key: form for form in FORMS}
LOOKALIKE = regex("(?xm)" + "\n|".join([form.sign for form in FORMS if form.sign]))
"""Matches what looks like a mark or card. The name of the last matching group is the key of its
syntax."""


def may_contain_highlights(
    text: str,
    mark_kinds: Collection[str],
    card_kinds: Collection[str],
    glossary_headings: Collection[str],
) -> bool:
    """Quickly check whether a note might contain highlights. False positives are possible.

    Most notes of a vault contain none and needn't be parsed.

    Args:
        text: The text of the note.
        mark_kinds: The kinds of highlights to read.
        card_kinds: The kinds of hand-written cards to read.
        glossary_headings: The casefolded headings of glossaries.
    """
    lines = f"\n{text}\n"  # so that every line has a line end before it
    folded = lines.casefold()
    kinds_by_setting = {"marks": mark_kinds, "cards": card_kinds}
    for form in FORMS:
        if form.value not in kinds_by_setting.get(form.setting, ()):
            continue
        # a search for strings is much faster, and rules out most notes
        if not contains_any(folded, form.literals):
            continue
        if _compile_line_pattern(form).search(lines):
            return True
    if "glossary" in card_kinds and contains_any(folded, glossary_headings):
        return True
    if may_contain_backlink(folded) or may_contain_citations(text):
        return True
    return EXPORT_SIGN.search(lines) is not None


@lru_cache
def _compile_line_pattern(syntax: NoteSyntax) -> re.Pattern[str]:
    # a pattern that begins with the previous line end is much faster than one with `^`
    return regex(rf"(?m)\n[ \t>]*(?:{syntax.line})") if syntax.line else regex("")


def render_docs_table() -> Iterator[str]:
    """Yield the lines of the table of syntaxes in the guide to notes, defaults first."""
    rows = [(form, *example) for form in FORMS for example in form.examples]
    rows.sort(key=lambda row: row[2].startswith("not by default"))
    yield "| you write | card | setting |"
    yield "|---|---|---|"
    for form, source, card in rows:
        lines = (f"`{line}`" if line else "" for line in source.split("\n"))
        yield f"| {'<br>'.join(lines)} | {card} | `{form.setting}: {form.value}` |"


# --- cards of other tools ---------------------------------------------------------------

_NOT_ENABLED_REASON = (
    "its plug-in was never on during a run, or does not read this place, or it is in code"
)
_UNREAD_FORM_REASON = (
    "this form is not read: write it as question::answer; to keep its note in Anki:"
    " ankiforge adopt"
)


def _build_tool_syntax(
    name: str, literals: Strings, sign: str, reason: str
) -> NoteSyntax:
    name = f"{OTHER_TOOL_NOTE_PREFIX}{name}"
    return NoteSyntax("tool", name, literals=literals, sign=sign, reason=reason)


TOOL_FORMS = (
    NoteSyntax(
        "tool",
        "Q. … A. …",
        literals=("\nQ. ", "> Q. ", "- Q. "),
        sign=r"(?m)^[ \t>]*(?:[-*+][ \t]+)?Q\.[ \t]+\S[^\n]*\n[ \t>]*A\.[ \t]+\S",
        reason="this form is not read: write `Q:` and `A:`",
    ),
    NoteSyntax(
        "tool",
        "{1:gap}",
        literals=("{1:", "{2:"),
        sign=r"(?<![\\{$\w])\{[12]:(?=[^\s{}:][^{}\n]*\})",
        reason="only a plug-in reads this form: write `{{c1::words}}`",
    ),
    NoteSyntax(
        "tool",
        "question in a callout",
        literals=("[!question]", "[!faq]"),
        sign=r"(?m)^[ \t]*>[ \t>]*\[!(?:question|faq)\][+-]?[ \t]+[^\n]*[?？][ \t]*$"
        r"(?!\n[^\n]*==)",
        reason="a callout is no card: write question::answer; to read callouts as passages:"
        " ankiforge run PATH --marks callout",
    ),
    NoteSyntax(
        "tool",
        "question with #flashcard",
        literals=("#flashcard",),
        sign=r"(?m)^[^\n]*\S[?？][ \t]+\#flashcards?(?![\w/-])",
        reason="this tag makes no card: write `#card`",
    ),
    NoteSyntax(
        "tool",
        "table of questions",
        literals=("| Question", "| Front", "|Question", "|Front"),
        sign=r"(?m)^[ \t>]*\|[ \t]*(?:Question|Front)s?[ \t]*\|[ \t]*(?:Answer|Back)s?[ \t]*\|",
        reason="in a note, a table is no list of cards: save it as CSV, or write"
        " `question::answer`",
    ),
    _build_tool_syntax(
        "RemNote",
        (" >> ", " >>> "),
        r"(?m)^[ \t]*(?:[-*+][ \t]+)?[A-Z][^\n=;(){}<>`$|]*\S[ \t]>>>?[ \t][^\s>]",
        "this form is not read: write it as question::answer",
    ),
    NoteSyntax(
        "tool",
        "question :-> answer",
        literals=(":->", ":<-"),
        sign=r"(?m)(?<=\S[ \t])(?::->|:<->|:<-)[ \t](?=[ \t]*\S)",
        reason="only a plug-in of Logseq knows this form: write `question::answer`",
    ),
    NoteSyntax(
        "tool",
        LOGSEQ_MARK,
        literals=("ls-type::",),
        sign=r"(?m)^[ \t]*ls-type::[ \t]*annotation[ \t]*$",
        reason="Logseq keeps the marks of a PDF in a form of its own: mark it in the PDF",
    ),
    _build_tool_syntax(
        "yanki",
        ("noteId:",),
        r"\A---\n(?:(?!---).*\n)*?noteId:[ \t]*[\"']?\d",
        _UNREAD_FORM_REASON,
    )._replace(covers_note=True),
    # a deck of AnkiOps is a file; before its notes have keys, the labels T and E show its form
    _build_tool_syntax(
        "AnkiOps",
        ("note_key:", "note_id:", "\nT: ", "\nE: "),
        r"(?m)<!--(?<=^<!--)\s*(?:note_key|note_id):[^\n]*(?:\n(?:<!--|[QFT]:)[^\n]*)*"
        r"|^T:[ ][^\n]*\{\{c\d|^[QF]:[ ](?:(?!<!--)[^\n]+\n){1,30}?E:[ ]",
        _UNREAD_FORM_REASON,
    )._replace(covers_note=True),
    _build_tool_syntax(
        "hashcards",
        ("\nC:",),
        r"(?m)^C:[ \t][^\n]*\[[^\]\n]+\](?!\()",
        _UNREAD_FORM_REASON,
    ),
    _build_tool_syntax(
        TOOL_NAMES["o2a"],
        ("START", "ID:"),
        r"(?m)^[ \t>]*START[ \t]*\n(?:(?![ \t>]*END[ \t]*$).*\n)*?[ \t>]*END[ \t]*$"
        r"|STARTI[ \t]*\[|<!--[ \t]*ID:[ \t]*\d{10}|^ID:[ \t]*\d{10}",
        _NOT_ENABLED_REASON,
    ),
    _build_tool_syntax(
        "flashcards-obsidian",
        ("^1",),
        r"(?m)(?:^|[ \t])\^\d{13}[ \t]*$",
        "of this plug-in, only `question #card` and `question::answer` are read",
    ),
    _build_tool_syntax(
        "KOReader in plain text",
        ("-=-=-",),
        r"(?m)^-(?:=-){3,9}[ \t]*$",
        "this form is not read: export the highlights as JSON or HTML",
    )._replace(covers_note=True),
    _build_tool_syntax(
        "WeRead",
        ("高亮划线",),
        r"(?m)^\#+[ \t]*高亮划线[ \t]*$",
        "this form is not read: mark the words with `==`",
    ),
    _build_tool_syntax(
        "spaced repetition",
        ("<!--SR:", "[!sr"),
        r"<!--SR:|^[ \t>]*>[ \t]*\[!sr\b",
        _NOT_ENABLED_REASON,
    ),
)
"""The syntaxes of other tools' cards. `sign` matches what a tool writes once for each card."""


TERM_LIST = regex(
    r"(?m)(?:^[ \t>]{0,20}+(?:(?:[-*+•‣◦·▪●■]|\d{1,3}[.)])[ \t]++(?:\*\*|__)?+|\*\*|__)"
    r"(?:[^\s:：]++[ \t]?+){1,5}+"
    r"(?::(?:\*\*|__)?[ \t]++|：(?:\*\*|__)?[ \t]*+)(?=\S)[^\n]++(?:\n|\Z)){6,}+"
)
"""A list of at least six lines `Term: meaning`, which is a glossary if a heading says so."""


def may_contain_unread_cards(text: str) -> bool:
    """Quickly check whether a note might contain cards for another tool, or a list of terms.

    For other tools, false positives are possible.
    """
    padded = f"\n{text}"
    for tool in TOOL_FORMS:
        if contains_any(padded, tool.literals):
            return True
    return TERM_LIST.search(text) is not None


# --- passages of other programs ---------------------------------------------------------

HIGHLIGHTS_WORD = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b"
_LOCATION_NUMBER = r"[\divxlc]+(?:[-–]\d+)?"
# Only the page is captured as `label`, because cards don't cite Kindle locations.
LOCATION = (
    rf"(?:(?:locations?|loc\.?|position|pos\.?|emplacement)\s{{0,9}}:?\s{{0,9}}{_LOCATION_NUMBER}"
    rf"|(?:pages?|seite|página)\s{{0,9}}:?\s{{0,9}}(?P<label>{_LOCATION_NUMBER}))"
)
# How a line such as `Highlight (yellow) - Page 42 · Location 2000` begins.
HIGHLIGHT_WORDS = ("highlight", "markierung", "surlignement")
TEXT_BEFORE_LOCATION = rf"(?:{'|'.join(HIGHLIGHT_WORDS)})\b.{{0,80}}?"
# Readwise writes this phrase into a Logseq page, above the blocks with the passages, such as
# `Highlights first synced by [[Readwise]] [[Mar 12th, 2023]]`.
_SYNCED_PHRASE = r"(?:new )?highlights (?:first synced by|added)\b"
SYNCED_ITEM = regex(rf"(?i)\W*{_SYNCED_PHRASE}")
"""The list item above synced passages that states when they were synced."""
EXPORT_SIGN = regex(
    rf"(?im)\n[ \t>]*+(?:#++[ \t]++.*(?:{HIGHLIGHTS_WORD}|{LOCATION})|[-*+][ \t]+{_SYNCED_PHRASE}"
    rf"|[*_]*{TEXT_BEFORE_LOCATION}(?:location|loc|page|seite|position|pos)\b[^\n]{{1,20}}$)"
)
"""A heading or list item above exported passages, with the line end before it."""
BACKLINK_NAME = r"view (?:highlight|tweet)|highlight link"
_BACKLINK_SIGNS = (
    *("readwise.io/", "kindle:", "omnivore.app/", "glasp.co/", "hyp.is/", "hypothes.is/"),
    *("instapaper.com/", "view highlight](", "view tweet](", "highlight link]("),
)
REMARK_WORD = (
    r"comments?|notes?|annotations?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记"
)
"""The words that introduce a reader's comment before a colon."""


def may_contain_backlink(casefolded_text: str) -> bool:
    """Quickly check whether a text might have a link from a passage back to its source."""
    return "](" in casefolded_text and contains_any(casefolded_text, _BACKLINK_SIGNS)


def may_contain_citations(text: str) -> bool:
    """Quickly check whether a note might link to a paper. False positives are possible."""
    return "zotero://" in text or ("#" in text and ".pdf#" in text.casefold())
