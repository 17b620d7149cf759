"""Convert what a model answers to drafts.

What a model writes is untrusted, and cleaned here. An unusable card does not affect the
others. A card whose quote is not in the source is still a draft, so that the person
sees it, blocked by a check.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from html import unescape
from itertools import islice
from operator import attrgetter

from msgspec.structs import replace

from ankiforge.draft.evidence import find_evidence
from ankiforge.draft.instructions import sided
from ankiforge.draft.loose_json import (
    LONGEST,
    cards_in_lines,
    flat,
    letters_of_name,
    objects,
)
from ankiforge.draft.prompt import Shape, most_cards
from ankiforge.draft.sendable import SendableTask
from ankiforge.draft.server import BUDGET, BudgetError
from ankiforge.errors import ForgeError
from ankiforge.model import (
    Card,
    CardKind,
    Document,
    Drafted,
    Fields,
    Highlight,
    Json,
    Origin,
    Pair,
    Problem,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import cloze_answers, plain
from ankiforge.text.elements import without_html
from ankiforge.text.fold import for_finding
from ankiforge.text.shields import outside, shields

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

_BRACKETED_MATHS = regex(
    r"(?s)\\\[\s{0,99}(?P<display>.{1,4000}?)\s{0,99}\\\]"
    r"|\\\(\s{0,99}(?P<inline>.{1,4000}?)\s{0,99}\\\)"
)


def _our_markdown(text: str) -> str:
    text = _BRACKETED_MATHS.sub(_in_dollars, scrub(text))
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


def _in_dollars(maths: re.Match[str]) -> str:
    if maths["display"]:
        return f"$${maths['display']}$$"
    return f"${maths['inline']}$"


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


class Item(Value):
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


def items(content: str, labels: Strings) -> list[Item]:
    """Return the usable objects of a reply about one of the highlights.

    If only one highlight was asked about, objects refer to it whatever they name.
    """
    usable, _ = every_item(content)
    if len(labels) == 1:
        only = labels[0]
        if not any(item.label == only for item in usable):
            return [replace(item, label=only) for item in usable]
    return [item for item in usable if item.label in labels]


def every_item(content: str) -> tuple[list[Item], list[str]]:
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
    usable: dict[Item, None] = {}
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


def _item(card: Json) -> Item | None:
    """Return an object with the kind that its filled fields allow, if possible the given one.

    A cloze may be in the front; one with a blank whose answer is in the back is a
    question.
    """
    named_kind = letters_of_name(_string(card, "kind"))
    # `1`, `"1"` and `"h1"` are one label
    label = ""
    if isinstance(card.get("h"), str | int):
        words = str(card["h"])[:40].casefold()
        label = re.sub(r"^\W*(?:h(?:ighlight)?\W*(?=\w))?|\W+$", "", words)
    quote = scrub(_string(card, "quote"))
    front = _string(card, "front")
    back = _string(card, "back")
    text = _string(card, "text")
    if named_kind == "none" or not (front or back or text):
        why_none = on_a_line(_string(card, "why_none"))
        if named_kind == "none" or why_none:
            return Item(label, None, why_none=why_none)
        return None
    kind = _KINDS.get(named_kind, CardKind.BASIC)
    if kind is CardKind.CLOZE or not (front and back):
        for words in (text, front):
            made = cloze_text(words)
            if cloze.gaps(made):
                return Item(label, CardKind.CLOZE, quote, text=made)
    question = front or text
    if question and back:
        if kind is CardKind.CLOZE:
            kind = CardKind.BASIC
        return Item(
            label,
            kind,
            quote,
            front=markdown(question),
            back=markdown(back),
        )
    if text:
        return Item(label, CardKind.CLOZE, quote, text=cloze_text(text))
    return None


_LONGEST_STRING = 20_000
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
    items: Iterable[Item],
    highlight: Highlight,
    origin: Origin,
    shape: Shape,
) -> tuple[Card, ...]:
    """Return the distinct cards of one highlight of a wanted kind, in its order.

    Drafts with equal `intent` are about the same fact: all of them, if there is more
    than one candidate to choose from.
    """
    most = most_cards(highlight.exact)
    limit = max(most, shape.candidates)
    # by question and answer, to recognise two equal cards
    distinct: dict[Pair, Card] = {}
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
        draft = Card(
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


def why_none(items: Iterable[Item], shape: Shape) -> str:
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


# --- failures and blocked cards -------------------------------------------------------


Repair = Callable[[Card, Highlight], Strings]
"""Returns the findings that block a draft, as text; called from several threads."""
BlockedDraft = tuple[Card, Strings]
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


def card_json(draft: Card) -> str:
    """Return a draft as a model writes it."""
    card = {"kind": draft.kind.value, **dict(draft.fields)}
    return json.dumps(card, ensure_ascii=False)
