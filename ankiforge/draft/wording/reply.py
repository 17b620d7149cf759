"""From a raw reply to items: everything a model wrote is data, and is cleaned here.

One bad card never costs its siblings; `drawing` makes drafts of what is left.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from ankiforge.draft.wording.clean import cloze_text, markdown, scrub
from ankiforge.draft.wording.decode import objects
from ankiforge.draft.wording.requests import TAGS
from ankiforge.model import CardKind
from ankiforge.text import cloze

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
    """Thoughts included."""
    tokens_again: int = 0
    """Of those in: what the server still had in its cache."""


class _Message(msgspec.Struct):
    content: Any = None
    refusal: Any = None
    reasoning: Any = None
    reasoning_content: Any = None
    tool_calls: Any = None
    function_call: Any = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: Any = None
    """The answer, in an older protocol."""
    finish_reason: Any = None


class _Envelope(msgspec.Struct):
    choices: list[_Choice]
    model: Any = None
    usage: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
"""Made once, when one thread alone is here: learning a type in several at a time ends in a crash."""


def completion(raw: str) -> Completion | None:
    """Read the body of a reply, None if it is no chat completion. Never raises."""
    found = _envelope(raw)
    if found is None or not found.choices:
        return None
    choice, usage = found.choices[0], found.usage if isinstance(found.usage, dict) else {}
    if choice.message is None and choice.finish_reason is None:
        return None  # the model did not come to an end, so nothing was said
    message = choice.message or _Message(choice.text)
    tokens_in = _count(usage.get("prompt_tokens"))
    content = _content(message.content)
    return Completion(
        content=(content if content.strip() else _arguments(message))
        or _thought(message, choice.finish_reason),
        finish=str(choice.finish_reason or ""),
        refusal=str(message.refusal or ""),
        model=str(found.model or ""),
        tokens_in=tokens_in,
        tokens_out=_out(usage),
        tokens_again=min(_again(usage.get("prompt_tokens_details")), tokens_in),
    )


def _envelope(raw: str) -> _Envelope | None:
    try:
        return _ENVELOPE.decode(raw.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:  # what other clients take, and that one does not: half an emoji, a line break in a text
        lenient = json.dumps(_lenient(raw), ensure_ascii=False)
        return _ENVELOPE.decode(lenient.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _lenient(raw: str) -> Any:
    """JSON with numbers that are none (`NaN`, 1e999, a thousand digits) read as null."""

    def number(said: str) -> float | None:
        read = float(said)
        return read if math.isfinite(read) else None

    return json.loads(
        raw,
        strict=False,
        parse_constant=lambda said: None,
        parse_float=number,
        parse_int=lambda said: int(said) if len(said) <= _DIGITS else None,
    )


_DIGITS = 18


def _out(usage: dict[str, Any]) -> int:
    """What came back; some servers count the thoughts in the total only."""
    sent, back = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    thoughts = _count(usage.get("total_tokens")) - sent
    return max(back, thoughts if sent and back else 0)


def _again(details: Any) -> int:
    return _count(details.get("cached_tokens")) if isinstance(details, dict) else 0


def _content(content: Any) -> str:
    """The text; some servers send a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _arguments(message: _Message) -> str:
    """The answer where a server made it the arguments of the only tool it calls."""
    calls = message.tool_calls if isinstance(message.tool_calls, list) else []
    call = calls[0] if len(calls) == 1 else None
    called = call.get("function") if isinstance(call, dict) else message.function_call
    if len(calls) > 1 or not isinstance(called, dict):
        return ""
    said = called.get("arguments")
    return json.dumps(said, ensure_ascii=False) if isinstance(said, dict | list) else _content(said)


def _thought(message: _Message, finish: object) -> str:
    """The answer where a server took it for a thought; a thought that was cut off is none."""
    said = _content(message.reasoning_content) or _content(message.reasoning)
    return said if finish == "stop" and '"cards"' in said else ""


MOST_TOKENS = 10_000_000
"""Tokens of one request or reply that are believed."""


def _count(tokens: Any) -> int:
    """A number of tokens as a server tells it; 0 if it cannot be one."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 < tokens <= MOST_TOKENS else 0


# --- the items ------------------------------------------------------------------------------


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
    fact: str = ""
    """Cards of one fact bear the same; "" where the model does not say."""
    tags: tuple[str, ...] = ()


_KINDS = {
    "cloze": CardKind.CLOZE,
    "basic": CardKind.BASIC,
    "qa": CardKind.BASIC,
    "question": CardKind.BASIC,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}
MOST = 100
"""Objects of one reply that are looked at."""


def items(content: str, labels: tuple[str, ...]) -> list[Item]:
    """The usable objects of a reply; of one that names no highlight, the only one is meant.

    Where one highlight was asked for and no object names it, any other name means it, too.
    """
    found = objects(content)[: max(MOST, 10 * len(labels))]
    alone = labels[0] if len(labels) == 1 else ""
    read = usable(found, labels, alone)
    if alone and not read:
        return usable(({**one, "h": alone} for one in found), labels)
    return read


def usable(found: Iterable[dict[str, Any]], labels: tuple[str, ...], alone: str = "") -> list[Item]:
    """Those that are about one of the highlights; `alone` is meant where none is named."""
    read = (_item(one, alone) for one in found)
    return [item for item in read if item is not None and item.label in labels]


def _item(found: dict[str, Any], alone: str) -> Item | None:
    label = label_of(found.get("h")) or alone
    said = re.sub(r"[^a-z]", "", _string(found, "kind").casefold())
    front, back, text = (_string(found, side) for side in ("front", "back", "text"))
    why = " ".join(scrub(_string(found, "why_none")).split())[:200]
    kind, text = _kind(said, front, back, text)
    if kind is None and said != "none" and (front or back or text or not why):
        return None
    return Item(
        label,
        kind,
        quote=scrub(_string(found, "quote")),
        front=markdown(front),
        back=markdown(back),
        text=text,
        why_none=why,
        fact=label_of(found.get("fact"))[:20],
        tags=tuple(_tags(found)),
    )


def label_of(said: object) -> str:
    """The highlight's name: `1`, `"1"`, `"h1"` and `1.0` are the same."""
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    words = str(said)[:40].casefold() if isinstance(said, str | int) else ""
    return re.sub(r"^\W*(?:(?:h(?:ighlight)?|fact)\W*(?=\w))?|\W+$", "", words)


_LONGEST = 20_000
"""Characters of a text that are kept."""


def _string(found: dict[str, Any], key: str) -> str:
    """A text; a number counts as one, a list as its parts."""
    value = found.get(key)
    if isinstance(value, list):
        return ", ".join(str(part) for part in value[:100] if isinstance(part, str | int))[
            :_LONGEST
        ]
    if isinstance(value, str):
        return value[:_LONGEST]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value)[:_LONGEST] if number else ""


def _kind(said: str, front: str, back: str, text: str) -> tuple[CardKind | None, str]:
    """The kind that the filled fields allow, the one that was said if they do; the cloze's text.

    A cloze may stand in the front, or have a blank whose answer is the back.
    """
    if said == "none":
        return None, ""
    meant = _KINDS.get(said)
    if meant is CardKind.CLOZE or not (front and back):
        for words in (text, front):
            made = cloze_text(words, back)
            if cloze.gaps(made):
                return CardKind.CLOZE, made
    if front and back:
        return (meant if meant is CardKind.TWO_WAY else CardKind.BASIC), ""
    return (CardKind.CLOZE, cloze_text(text)) if text else (None, "")


_SPELT = {"analyse": "analyze", "moderate": "medium", "difficult": "hard"}


def _tags(found: dict[str, Any]) -> Iterator[str]:
    """What the model says of the card, where it says one of the words it was given."""
    for name, known in TAGS.items():
        word = _string(found, name).strip().casefold()
        word = _SPELT.get(word, word)
        if word in known:
            yield f"{name}::{word}"


def reasons(read: Iterable[Item]) -> Iterator[str]:
    """Why the model draws no card, where it says so."""
    for item in read:
        if item.kind is None:
            yield item.why_none or "the model saw nothing worth a card"
