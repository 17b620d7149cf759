"""Drafts from a model's reply: its objects are found, cleaned, and given their evidence.

The objects stand in prose, are faulty, cut off, a string, nested, or missing; a chat may write
tables, or questions and answers. Of lines `name: value`, a name that comes again begins a new
card. `json-repair` mends faults; it would complete a card that was cut off, too, so it gets only
objects whose own closing brace is there.

What a model writes is untrusted. An unusable card does not affect the others. A card whose quote
is not in the source is still a draft, so that the person sees it, blocked by a check.

Small models leave the quote empty, though the answer is in the passage word for word. So the
program looks for the answer itself: the evidence is the whole sentence, or sentences, that have
it. A few words alone would still be there when the rest of the sentence says something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import unescape
from itertools import islice
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from ankiforge.draft.instructions import sided
from ankiforge.draft.prompt import Shape, most_cards
from ankiforge.draft.sendable import SendableTask
from ankiforge.draft.server import BUDGET, BudgetError
from ankiforge.errors import ForgeError
from ankiforge.model import (
    CardKind,
    Document,
    Draft,
    Drafted,
    Fields,
    Highlight,
    Json,
    Origin,
    Pair,
    Problem,
    Span,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.card_table import card_rows, is_card_table
from ankiforge.text.cloze import cloze_answers, plain
from ankiforge.text.elements import without_html
from ankiforge.text.fold import (
    for_finding,
    letters_of,
    letters_with_origins,
    locate,
    locate_words,
    outside,
    shields,
    with_dollars,
)
from ankiforge.text.sentences import sentence_around

_ENDS = " .,;:!?"
_LEFT_OUT = regex(r"\[(?:…|\.\.\.)\]|…|\.\.\.")
# The letters of a quote that is found by its letters alone, at least.
_ENOUGH = 4


def places_of(highlight: Highlight) -> Strings:
    """Return the texts that may hold the evidence of a card: first the mark, then around it."""
    around = highlight.prefix + highlight.exact + highlight.suffix
    return (highlight.exact, highlight.sentence, highlight.nearby, around)


def letters_of_quote(quote: str) -> list[str]:
    """Return the letters of a quote, part by part where something is left out."""
    parts = map(letters_of, _LEFT_OUT.split(unescape(quote)))
    return [part for part in parts if part]


def find_quote(quote: str, place: str) -> Span | None:
    """Return where a text has a quote, which a chat may have emphasised or shortened."""
    whole = locate(quote, place)
    parts = letters_of_quote(quote)
    if whole or sum(map(len, parts)) < _ENOUGH:
        return whole
    letters, origins = letters_with_origins(place)
    begin = end = -1
    for part in parts:
        start = letters.find(part, max(end, 0))
        if start < 0:
            return None
        begin = start if begin < 0 else begin
        end = start + len(part)
    return origins[begin], origins[end - 1] + 1


def find_evidence(
    quote: str,
    answers: Sequence[str],
    highlight: Highlight,
) -> tuple[str, int]:
    """Return the words of a source that a card rests on, and their place.

    Args:
        quote: the evidence that the model gave; "" if it gave none.
        answers: the answer of a question, or the hidden words of each gap, as plain text.
        highlight: the passage. The mark comes first, then its sentence, then the paragraph.

    Returns:
        The evidence as in the source; as the model wrote it if the source does not have it. And
        where it begins in the mark, in code points; 0 if it is beside the mark. If a model quoted
        a part of it, that is where the part begins, by which several cards of a mark are ordered.
    """
    places = places_of(highlight)
    for place in places:
        span = find_quote(quote, place)
        if span is None:
            continue
        start, end = sentence_around(place, *span)
        # up to the sentences with the answers, if the quoted ones lack one
        answered = sentences_with(answers, place)
        if answered and not sentences_with(answers, place[start:end]):
            start = min(start, answered[0])
            end = max(end, answered[1])
        return place[start:end], span[0] if place == highlight.exact else 0
    if any(
        map(str.isalnum, quote)
    ):  # invented: it stays as it is, and a check blocks the card
        return quote, 0
    for place in places:
        span = sentences_with(answers, place)
        if span:
            start, end = span
            return place[start:end], start if place == highlight.exact else 0
    return quote, 0


def sentences_with(answers: Sequence[str], place: str) -> Span | None:
    """Return the sentences of a text that have all the answers; None if it lacks one."""
    spans: list[Span] = []
    for answer in answers:
        span = locate_words(answer.strip(_ENDS), place)
        if span is None:
            return None
        spans.append(span)
    if not spans:
        return None
    first = min(start for start, _ in spans)
    last = max(end for _, end in spans)
    return sentence_around(place, first, last)


# === loose_json =======================================================================

LONGEST = 8_000_000
"""The number of characters of a reply that are read."""

# --- backslashes ----------------------------------------------------------------------

# Commands of LaTeX that begin like an escape of JSON: `\n`, `\t`, `\u`.
_LATEX = (
    r"nabla|natural|ne|neq|neg|nu|not|notin|ni|norm|newcommand|nexists|nleq|ngeq"
    r"|nparallel|nearrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tan|tanh|tr|triangle\w*"
    r"|therefore"
    r"|upsilon|uparrow|underline|underbrace|underset|uplus"
)
_BACKSLASH = regex(
    rf"""(?x)
      \\\\                                      # doubled already
    | \\(?=(?:{_LATEX})(?![A-Za-z]))            # a well-known command
    | \\(?=[bf][A-Za-z])                        # a backspace or form feed before a letter
    | \\(?=r(?!\\n)[A-Za-z])                    # a lone carriage return before a letter
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}})      # no escape of JSON
    """
)


def _fix_escapes(text: str) -> str:
    r"""Double the single backslashes of LaTeX: JSON would read `\frac` as a form feed.

    A backslash is doubled unless it begins a valid JSON escape, and also if it begins a
    well-known command, or a form feed, backspace or lone carriage return before a
    letter, which are never intended. Other `\n` and `\t` are kept.
    """
    return _BACKSLASH.sub(r"\\\\", text)


# --- objects --------------------------------------------------------------------------

_THOUGHTS = "think|thinking|thought|reasoning|reflection|seed:think"
# Reasoning before the answer; it may begin in the request, so that only its end is there.
_THOUGHT = regex(
    rf"""(?isx)\A\s*(?:<({_THOUGHTS})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_THOUGHTS})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def without_thoughts(text: str) -> str:
    """Return an answer without the reasoning before it."""
    while thought := _THOUGHT.match(text):
        text = text[thought.end() :].strip()
    return text


_DECODER = json.JSONDecoder(strict=False)
# The start of an object, but no braces of LaTeX or prose.
_BEGINS = regex(r"""\{(?=\s{0,99}(?:["'“„}]|\w{1,40}\s{0,9}:(?!:)))""")
_BRACE = regex(r"[{}]")
# After this number of places where no object begins, the rest of a reply is not read.
_FAILURES = 200
# Of a longer object that is faulty, those inside are read: mending takes long.
_MENDED_WHOLE = 50_000


# Quotation marks around names and values, where an editor has made all of them curly.
_CURLY = regex(r"\{\s{0,99}“")
_CURLY_MARK = regex(r"(?<=[\[{,:\s])[“„”](?=\S)(?<!\w\s.)|[“”](?=\s{0,99}[:,}\]])")


def objects(text: str) -> list[Any]:
    """Return the JSON objects in a reply, in order. Never raises.

    Fences, prose and reasoning around them are skipped, JSON with small faults is
    repaired, and objects of truncated JSON are kept if they are complete.
    """
    answer = _fix_escapes(without_thoughts(text[:LONGEST].strip("\ufeff \t\r\n")))
    if _CURLY.search(answer):
        answer = _CURLY_MARK.sub('"', answer)
    if answer.startswith('"'):
        inner = _decoded(answer)
        if isinstance(inner, str) and "{" in inner:
            return objects(inner)
    values = []
    place = 0
    failures = 0
    ends = _ends_of_braces(answer)
    while failures < _FAILURES:
        start = _BEGINS.search(answer, place)
        if start is None:
            break
        value, place = _object_at(answer, start.start(), ends)
        if value is None:
            place = start.end()
            failures += 1
        else:
            values.append(value)
    return values


def _ends_of_braces(text: str) -> dict[int, int]:
    """Return where the part of each brace ends that is closed, by where it begins."""
    ends = {}
    open_braces = []
    for brace in _BRACE.finditer(text):
        if brace[0] == "{":
            open_braces.append(brace.start())
        elif open_braces:
            ends[open_braces.pop()] = brace.end()
    return ends


def _object_at(text: str, start: int, ends: Mapping[int, int]) -> tuple[Any, int]:
    """Return the object that begins at a brace, and where it ends; None if it is not whole."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    end = ends.get(start)
    if end is None or end - start > _MENDED_WHOLE:
        return None, start
    from json_repair import repair_json

    # whole, but with other or missing quotes or commas
    try:
        value = repair_json(text[start:end], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        value = None
    return (value if isinstance(value, dict | list) else None), end


_STRING_OR_BRACE = regex(r'"(?:[^"\\]|\\.)*"|[{}]')


def ends_in_the_middle(text: str) -> bool:
    """Return whether a reply ends within an object, or within a row of a table."""
    answer = without_thoughts(text[:LONGEST].strip("\ufeff \t\r\n"))
    first = _BEGINS.search(answer)
    if first is None:
        last_line = answer[answer.rfind("\n") + 1 :].rstrip()
        return last_line.startswith("|") and not last_line.endswith("|")
    still_open = 0
    for token in _STRING_OR_BRACE.finditer(answer, first.start()):
        if token[0] == "{":
            still_open += 1
        elif token[0] == "}":
            still_open -= 1
    return still_open > 0


def _decoded(text: str) -> Any:
    """Return the value that a text is in JSON; None if it is none."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


# --- what is in objects ---------------------------------------------------------------

_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_DEEPEST = 5


def flat(
    value: Any, label_key: str, label: object = None, depth: int = 0
) -> Iterator[Json]:
    """Yield the innermost objects in JSON, however it is nested.

    Args:
        value: an object, a list of objects, or either as a string of JSON.
        label_key: the key of labels.
        label: of the group in which the value is; objects without a label get it.
        depth: how deep the value is nested.
    """
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        value = objects(value)
    if isinstance(value, list):
        for item in value:
            yield from flat(item, label_key, label, depth + 1)
    if not isinstance(value, dict):
        return
    label = value.get(label_key, label)
    is_innermost = True
    for key, part in value.items():
        own_label = _LABEL.fullmatch(str(key).strip())
        group_label = own_label[1] if own_label else label
        for inner in flat(part, label_key, group_label, depth + 1):
            is_innermost = False
            yield inner
    if is_innermost:
        yield {label_key: label, **value} if label is not None else value


# --- cards without JSON ---------------------------------------------------------------


Names = Mapping[str, str]
"""Our name for each name of a part of a card, in small letters without blanks."""


def cards_in_lines(text: str, names: Names) -> list[Json]:
    """Return the cards that the lines of an answer give, by our names of their parts."""
    lines = text.strip("\ufeff").splitlines()
    return _rows(lines, names) or _separated(text) or _named_parts(lines, names)


# --- tables ---------------------------------------------------------------------------

_CELL_ENDS = regex(r"\t|(?<!\\)\|")


def _rows(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of tables, with bars or tabs; a row that was cut off is none."""
    cards = []
    header: list[str] = []
    header_end = ""
    for line in map(str.strip, lines):
        cells = [cell.strip() for cell in _CELL_ENDS.split(line.strip("|"))]
        if not line:
            header = []
        elif not header:
            # our name for each column of a table of cards; another table has none
            header = [names.get(letters_of_name(cell), "") for cell in cells]
            if not ({"front", "back"} <= set(header) or {"h", "text"} <= set(header)):
                header = []
            header_end = line[-1]
        elif len(cells) == len(header) and (line[-1] == "|") == (header_end == "|"):
            row = zip(header, cells, strict=True)
            card = {name: cell.replace("\\|", "|") for name, cell in row if name}
            if any(map(str.isalnum, line)):
                cards.append(card)
    return cards


def _separated(text: str) -> list[Json]:
    """Return the cards of a CSV file, or of a text file of Anki's."""
    if not is_card_table(text):
        return []
    cards: list[Json] = []
    for row in card_rows(text):
        if row.back and not row.fault:
            cards.append({"front": row.front, "back": row.back, "quote": row.quote})
    return cards


# --- names and values -----------------------------------------------------------------

_LINE = regex(
    r"""(?x)
    (?P<sign> (?: [\s>#+•–-] | \*(?=\s) | \d{1,3}[.)] ){0,30} )
    (?P<emphasis> [*_`]{0,3} ) (?P<name> [^\W\d_]{1,20} (?: [ _] [^\W\d_]{1,20} )? ) \ ? \d{0,3}
    (?P=emphasis)? \s{0,9} (?: [:：] (?P=emphasis)? \s{0,9} (?P<value> .* ) )?
    """
)
_HEX_LABEL = regex(r"(?<![0-9a-zA-Z])[0-9a-f]{8}(?![0-9a-zA-Z])")
# A line with a label is a heading: it is no longer than that.
_HEADING = 80


def _named_parts(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of lines `name: value`, or `name` as a heading of lines."""
    cards: list[Json] = []
    card: Json = {}
    open_part = ""  # the part of the card that an unnamed line goes on with
    unnamed = ""  # the last line that belongs to no part
    before = ""  # the one before the card: the question, if the card has only an answer
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if card.get(open_part):  # a value ends with its paragraph
                open_part = ""
            continue

        # the part that the line begins
        match = _LINE.fullmatch(line)
        name = value = ""
        if match:
            value = match["value"] or ""
            if match["emphasis"] or "#" in match["sign"] or match["value"] is not None:
                name = names.get(letters_of_name(match["name"]), "")
        is_new = name in card
        label = _HEX_LABEL.search(line) if len(line) <= _HEADING else None
        if not name and stripped.startswith(">"):
            name = "quote"
            value = f"{card.get(name, '')} {stripped.lstrip('> ')}".strip()
        elif not name and label and not open_part:
            name = "h"
            value = label[0]
            is_new = "front" in card

        if not name and open_part:
            card[open_part] = f"{card[open_part]}\n{stripped}".strip()
        elif not name:
            unnamed = stripped.lstrip("#>*-0123456789.) ").strip("*_ ")
        else:
            if is_new or not card:
                cards.append(_with_question(card, before))
                card = {}
                before, unnamed = unnamed, ""
            card[name] = value
            open_part = name
    cards.append(_with_question(card, before))
    return list(filter(None, cards))


def _with_question(card: Json, question: str) -> Json:
    """Return a card with an answer and without a question with the question."""
    if question and "back" in card and "front" not in card:
        return {"front": question, **card}
    return card


def letters_of_name(text: str) -> str:
    """Return the small letters of the name of a part of a card."""
    return re.sub(r"[^a-zé]", "", text[:40].casefold())


# === reply ============================================================================

# --- texts ----------------------------------------------------------------------------

_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def scrub(text: str) -> str:
    """Return text without lone surrogates and control characters except tab and newline."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", valid).strip()


def on_a_line(text: str, limit: int = 200) -> str:
    """Return the beginning of a text, scrubbed and on one line, of at most `limit` characters."""
    return " ".join(scrub(text).split())[:limit]


def markdown(text: str) -> str:
    """Return a model's text as our Markdown: HTML is converted or dropped, links become text."""
    return cloze.escape_signs(_our_markdown(text))


_LOOSE = regex(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_UNNUMBERED = regex(r"\{\{(?!c\d)([^{}\n]+)\}\}")


def cloze_text(text: str) -> str:
    """Return a cloze in our Markdown: `{{c1:x}}` and `{{x}}` become `{{c1::x}}`."""
    with_numbers = outside(_our_markdown(text), lambda run: _LOOSE.sub(r"{{c\1::", run))
    if not with_numbers or cloze.gaps(with_numbers):
        return with_numbers
    numbers = iter(range(1, len(with_numbers) + 1))

    def with_number(match: re.Match[str]) -> str:
        return cloze.make(next(numbers), match[1])

    return outside(with_numbers, lambda run: _UNNUMBERED.sub(with_number, run))


# --- formulae -------------------------------------------------------------------------


def _our_markdown(text: str) -> str:
    text = with_dollars(scrub(text))
    # commands of formulae have one backslash: `\\frac` ends no line
    parts = []
    place = 0
    for start, end, kind in shields(text):
        run = text[start:end]
        if kind in ("math", "display") and r"\begin" not in run:
            run = re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", run)
        parts += [text[place:start], run]
        place = end
    parts.append(text[place:])
    return outside("".join(parts), _with_words_alone).strip()


# --- HTML and links -------------------------------------------------------------------

# A line end that was escaped once too often; not a command of TeX, and not in a path of Windows.
_TEX = "abla|atural|e|earrow|eg|eq|ewline|geq|i|leq|mid|olimits|onumber|ot|otin|parallel|u|warrow"
_ESCAPED_LINE_END = regex(
    rf"(?<!\\)(?<!\b[A-Za-z]:)(?:\\n)+(?!(?:{_TEX})(?![A-Za-z])|[^\s\\]*\\[^n])"
)
_IMAGE = regex(r"!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_LINK = regex(r"\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")


def _with_words_alone(run: str) -> str:
    """Return a text without HTML, pictures and addresses of links."""
    run = _ESCAPED_LINE_END.sub("\n", _AUTOLINK.sub(r"\1", run))
    return _LINK.sub(r"\1", _IMAGE.sub("", without_html(run)))


# --- items ----------------------------------------------------------------------------


class ReplyItem(Value):
    """One object of a reply, with cleaned texts."""

    label: str
    kind: CardKind | None
    """None: the model says there is no card."""
    quote: str = ""
    front: str = ""
    back: str = ""
    text: str = ""
    why_none: str = ""

    @property
    def answers(self) -> Strings:
        """The answer of a question, or the hidden words of each gap, as plain text."""
        if self.kind is CardKind.CLOZE:
            return tuple(plain(gap.answer) for gap in cloze.gaps(self.text))
        return (plain(self.back),) if self.back else ()


MOST = 10_000
"""The maximum number of objects of a reply that are read."""


def items(content: str, labels: Strings) -> list[ReplyItem]:
    """Return the usable objects of a reply about one of the highlights.

    If only one highlight was asked about, objects refer to it whatever they name.
    """
    usable, _ = every_item(content)
    if len(labels) == 1:
        only = labels[0]
        if not any(item.label == only for item in usable):
            return [replace(item, label=only) for item in usable]
    return [item for item in usable if item.label in labels]


def every_item(content: str) -> tuple[list[ReplyItem], list[str]]:
    """Return the usable objects of a reply about any highlight, each once, and the others.

    A reply without JSON may have its cards in lines, and one from a web page may have entities.
    """
    text = content[:LONGEST]
    entries = list(islice(flat(objects(text), "h"), MOST))
    if not entries:
        text = unescape(text)
        entries = list(islice(flat(objects(text), "h"), MOST))
    if not entries:
        entries = cards_in_lines(text, _NAMES)[:MOST]
    usable: dict[ReplyItem, None] = {}
    unusable: dict[str, None] = {}
    # an answer may be pasted many times
    distinct = {json.dumps(entry, default=str): entry for entry in entries}
    for entry in distinct.values():
        # the known parts of the object under our names, which precede the aliases
        card: Json = {}
        for key, part in entry.items():
            name = _NAMES.get(letters_of_name(str(key)))
            if name and (name not in card or key == name):
                card[name] = part
        item = _item(card)
        if item is not None:
            usable[item] = None
        elif "verdict" not in entry:
            unusable[json.dumps(entry, ensure_ascii=False, default=str)] = None
    return list(usable), list(unusable)


_ALIASES = {
    "h": "h highlight highlightid label id passage",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote zitat citation cita",
    "front": "front question q term prompt frage pregunta",
    "back": "back answer a definition antwort réponse respuesta",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
}
_NAMES = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
"""Our name for each name that models give to a part of a card."""


_KINDS = {
    "cloze": CardKind.CLOZE,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}


def _item(card: Json) -> ReplyItem | None:
    """Return an object with the kind that its filled fields allow, if possible the given one.

    A cloze may be in the front; one with a blank whose answer is in the back is a
    question.
    """
    named_kind = letters_of_name(_string(card, "kind"))
    label = label_of(card)
    quote = scrub(_string(card, "quote"))
    letters = letters_of(quote)
    if letters.isalpha() and len(letters.encode()) < _SHORTEST_QUOTE:
        quote = ""  # one or two letters are in every passage
    front = _string(card, "front")
    back = _string(card, "back")
    text = _string(card, "text")
    if named_kind == "none" or not (front or back or text):
        why_none = on_a_line(_string(card, "why_none"))
        if named_kind == "none" or why_none:
            return ReplyItem(label, None, why_none=why_none)
        return None
    kind = _KINDS.get(named_kind, CardKind.BASIC)
    if kind is CardKind.CLOZE or not (front and back):
        for words in (text, front):
            made = cloze_text(words)
            if cloze.gaps(made):
                return ReplyItem(label, CardKind.CLOZE, quote, text=made)
    question = front or text
    if question and back:
        if kind is CardKind.CLOZE:
            kind = CardKind.BASIC
        return ReplyItem(
            label,
            kind,
            quote,
            front=markdown(question),
            back=markdown(back),
        )
    if text:
        return ReplyItem(label, CardKind.CLOZE, quote, text=cloze_text(text))
    return None


def label_of(entry: Json) -> str:
    """Return the label of an object; `1`, `"1"` and `"h1"` are one."""
    if not isinstance(entry.get("h"), str | int):
        return ""
    words = str(entry["h"])[:40].casefold()
    return re.sub(r"^\W*(?:h(?:ighlight)?\W*(?=\w))?|\W+$", "", words)


_LONGEST_STRING = 20_000
_SHORTEST_QUOTE = 3
"""The bytes of the letters of a quote, at least: those of one Chinese character."""
_MOST_PARTS = 100


def _string(entry: Json, key: str) -> str:
    """Return a value as text; the parts of a list are joined."""
    value = entry.get(key)
    if isinstance(value, list):
        parts = value[:_MOST_PARTS]
        words = [str(part) for part in parts if isinstance(part, str | int)]
        value = ", ".join(words)
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value)[:_LONGEST_STRING]


_EMPTY = regex(r'(?i)\W*(?:json\s*)?(?:\{\s*"cards"\s*:\s*)?\[\s*\][\s}`]*')


def is_empty(text: str) -> bool:
    """Return whether a reply is an explicitly empty list of cards: `{"cards": []}`."""
    return _EMPTY.fullmatch(text) is not None


# --- drafts ---------------------------------------------------------------------------


def drafts_of(
    items: Iterable[ReplyItem],
    highlight: Highlight,
    origin: Origin,
    shape: Shape,
) -> tuple[Draft, ...]:
    """Return the distinct cards of one highlight of a wanted kind, in its order.

    Drafts with equal `intent` are about the same fact: all of them, if there is more
    than one candidate to choose from.
    """
    most = most_cards(highlight.exact)
    limit = max(most, shape.candidates)
    # by question and answer, to recognise two equal cards
    distinct: dict[Pair, Draft] = {}
    for item in items:
        if item.kind not in shape.kinds or len(distinct) == limit:
            continue
        kind = item.kind or CardKind.BASIC
        if kind is CardKind.CLOZE:
            fields: Fields = (("Text", item.text),)
            asked = cloze.reveal(item.text)
            answer = cloze_answers(item.text)
        else:
            fields = sided(kind, item.front, item.back)
            asked = item.front
            answer = plain(item.back)
        quote, start = find_evidence(item.quote, item.answers, highlight)
        draft = Draft(
            key=highlight.key,
            kind=kind,
            fields=fields,
            quote=quote,
            answer=answer,
            start=start,
            origin=origin,
        )
        distinct.setdefault((for_finding(asked), for_finding(answer)), draft)
    drafts = tuple(distinct.values())
    if shape.candidates > 1:
        return drafts[: shape.candidates]
    facts = sorted(drafts[:most], key=attrgetter("start"))
    numbered = []
    for intent, draft in enumerate(facts):
        numbered.append(replace(draft, intent=intent))
    return tuple(numbered)


def why_none(items: Iterable[ReplyItem], shape: Shape) -> str:
    """Return why the objects of a reply about a highlight make no card."""
    kinds: dict[CardKind, None] = {}
    reason: str | None = None
    for item in items:
        if item.kind is not None:
            kinds[item.kind] = None
        elif reason is None:
            reason = item.why_none
    if reason:
        return reason
    if kinds:
        return f"the model drafted only {', '.join(kinds)}, not {', '.join(shape.kinds)}"
    return "the model saw nothing worth a card"


def without_drafts(
    highlight: Highlight, items: Sequence[ReplyItem], shape: Shape, before: str = ""
) -> Drafted:
    """Return why a reply has no draft of a highlight; `before` introduces the reason.

    A reply without any card for it judges that it deserves none.
    """
    declined = bool(items) and all(item.kind is None for item in items)
    reason = f"{before}{why_none(items, shape)}"
    return Drafted(highlight, reason=reason, declined=declined)


# --- failures and blocked cards -------------------------------------------------------


Repair = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text; called from several threads."""
BlockedDraft = tuple[Draft, Strings]
"""A draft with the findings that block it."""


def all_failed(chunk: SendableTask, error: ForgeError) -> list[Drafted]:
    """Return the problem of a request for each of its highlights."""
    problem = not_drafted(chunk.task.document, error.message, error.hint)
    if isinstance(error, BudgetError):
        problem = Problem(BUDGET, error.message, error.hint)
    return [
        Drafted(highlight, reason=error.message, problem=problem)
        for highlight in chunk.highlights
    ]


def not_drafted(
    document: Document, what: str, hint: str, *, once: bool = False
) -> Problem:
    """Return the problem of highlights of a document; `once`: no later run reports it again."""
    title = document.title or document.key
    return Problem(title, f"not drafted: {what}", hint, once=once)


def complaint(blocked: Iterable[BlockedDraft]) -> str:
    """Return the cards that a check blocks, each with the reasons, for the model."""
    lines = []
    for draft, faults in blocked:
        lines.append(f"{card_json(draft)}: {'; '.join(faults)}")
    return "\n".join(lines)


def card_json(draft: Draft) -> str:
    """Return a draft as a model writes it."""
    card = {"kind": draft.kind.value, **dict(draft.fields)}
    return json.dumps(card, ensure_ascii=False)
