"""Convert what a model answers to drafts.

What a model writes is untrusted, and cleaned here. An unusable card does not affect the
others. A card whose quote is not in the source is still a draft, so that the person
sees it, blocked by a check.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from itertools import islice
from operator import attrgetter

from msgspec.structs import replace

from ankiforge.draft.cleaned import cloze_text, markdown, on_a_line, scrub
from ankiforge.draft.evidence import find_evidence
from ankiforge.draft.instructions import sided
from ankiforge.draft.lined_cards import cards_in_lines, letters_of_name
from ankiforge.draft.loose_json import LONGEST, flat, objects
from ankiforge.draft.prompt import Shape, most_cards
from ankiforge.model import (
    CardKind,
    Draft,
    Fields,
    Highlight,
    Json,
    Origin,
    Pair,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import cloze_answers, plain
from ankiforge.text.fold import for_finding

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
            highlight=highlight.key,
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
