"""From a raw reply to drafts: everything a model wrote is data, and is checked here.

A quote that does not stand in the source still makes a draft: the grounding check blocks it,
and the person sees what the model tried. One bad card never costs its siblings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ankiforge.domain import CardKind, Draft, Fields, Highlight, Origin
from ankiforge.draft.clean import cloze_text, markdown, scrub
from ankiforge.draft.decode import objects
from ankiforge.draft.requests import most_cards
from ankiforge.draft.shapes import sided
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import locate

# --- the envelope ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Completion:
    """What matters of a `chat.completions` reply."""

    content: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


class _Message(msgspec.Struct):
    content: Any = None
    refusal: Any = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: Any = None


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None


class _Envelope(msgspec.Struct):
    choices: list[_Choice]
    model: Any = None
    usage: _Usage | None = None


def completion(raw: str) -> Completion | None:
    """Read the body of a reply, None if it is no chat completion. Never raises."""
    try:
        found = msgspec.json.decode(raw.encode("utf-8", "replace"), type=_Envelope)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None
    if not found.choices:
        return None
    choice, usage = found.choices[0], found.usage or _Usage()
    return Completion(
        content=_content(choice.message.content),
        finish=str(choice.finish_reason or ""),
        refusal=str(choice.message.refusal or ""),
        model=str(found.model or ""),
        tokens_in=_count(usage.prompt_tokens),
        tokens_out=_count(usage.completion_tokens),
    )


def _content(content: Any) -> str:
    """The text; some servers send a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _count(tokens: Any) -> int:
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return min(max(tokens, 0), 10**9) if whole else 0


# --- the cards ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a reply, its texts cleaned."""

    label: str
    kind: CardKind | None
    """None: the model says there is no card."""
    quote: str = ""
    front: str = ""
    back: str = ""
    text: str = ""
    why_none: str = ""


_KINDS = {
    "cloze": CardKind.CLOZE,
    "basic": CardKind.BASIC,
    "qa": CardKind.BASIC,
    "question": CardKind.BASIC,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}


def items(content: str, labels: tuple[str, ...]) -> list[Item]:
    """The usable objects of a reply; of one that names no highlight, the only one is meant."""
    alone = labels[0] if len(labels) == 1 else ""
    read = (_item(found, alone) for found in objects(content))
    return [item for item in read if item is not None and item.label in labels]


def _item(found: dict[str, Any], alone: str) -> Item | None:
    label = _label(found.get("h")) or alone
    quote = scrub(_string(found, "quote"))
    front = markdown(_string(found, "front") or _string(found, "question"))
    back = markdown(_string(found, "back") or _string(found, "answer"))
    text = cloze_text(_string(found, "text"))
    why = " ".join(scrub(_string(found, "why_none")).split())[:200]
    kind = _kind(_string(found, "kind"), front, back, text)
    if kind is None and not _says_none(found) and (front or back or text or not why):
        return None
    return Item(label, kind, quote, front, back, text, why)


def _label(said: object) -> str:
    """The highlight's name: `1`, `"1"`, `"h1"` and `1.0` are the same."""
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    words = str(said)[:40].casefold() if isinstance(said, str | int) else ""
    return re.sub(r"^\W*(?:h(?:ighlight)?\W*(?=\w))?|\W+$", "", words)


def _string(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value[:20_000] if isinstance(value, str) else ""


def _says_none(found: dict[str, Any]) -> bool:
    return _string(found, "kind").strip().casefold() == "none"


def _kind(said: str, front: str, back: str, text: str) -> CardKind | None:
    """The kind that the filled fields allow, the one that was said if they do."""
    name = re.sub(r"[^a-z]", "", said.casefold())
    if name == "none":
        return None
    meant = _KINDS.get(name)
    if front and back:
        return meant if meant in {CardKind.BASIC, CardKind.TWO_WAY} else CardKind.BASIC
    return CardKind.CLOZE if text else None


def drafts(
    read: Iterable[Item], highlight: Highlight, origin: Origin, candidates: int
) -> tuple[Draft, ...]:
    """The cards of one highlight, repeats dropped, no more than were asked for.

    With several candidates they are one choice (intent 0), else each is an intent of its own.
    """
    made = [_draft(item, highlight, origin) for item in read if item.kind is not None]
    unique = {draft.fields: draft for draft in made}
    return numbered(list(unique.values())[: most_cards(candidates)], candidates)


def numbered(made: Iterable[Draft], candidates: int) -> tuple[Draft, ...]:
    """In the order of the passage; each an intent of its own unless they are one choice."""
    kept = sorted(made, key=_start)
    if candidates > 1:
        return tuple(kept)
    return tuple(replace(draft, intent=intent) for intent, draft in enumerate(kept))


def _start(draft: Draft) -> int:
    return draft.start


def _draft(item: Item, highlight: Highlight, origin: Origin) -> Draft:
    quote, start = _evidence(item.quote, highlight)
    kind = item.kind or CardKind.BASIC
    fields: Fields = (("Text", item.text),)
    if kind is not CardKind.CLOZE:
        fields = sided(kind, item.front, item.back)
    answer = cloze_answers(item.text) if kind is CardKind.CLOZE else plain(item.back)
    return Draft(highlight.key, kind, fields, quote, answer, start, origin)


def _evidence(quote: str, highlight: Highlight) -> tuple[str, int]:
    """The quote as it stands in the source, and where it begins in the marked words."""
    bare = quote.strip().strip('"“”„«»').strip()
    for wanted in (quote, bare):
        if span := locate(wanted, highlight.exact):
            return highlight.exact[span[0] : span[1]], span[0]
    if span := locate(bare, highlight.sentence):
        return highlight.sentence[span[0] : span[1]], 0
    return quote, 0


# --- asking again --------------------------------------------------------------------------


def card_json(draft: Draft) -> str:
    """A draft as the model may see it again, when it is asked to mend it."""
    return json.dumps({"kind": draft.kind.value, **dict(draft.fields)}, ensure_ascii=False)


def reasons(read: Iterable[Item]) -> Iterator[str]:
    """Why the model draws no card, where it says so."""
    for item in read:
        if item.kind is None:
            yield item.why_none or "the model saw nothing worth a card"
