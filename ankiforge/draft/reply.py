"""Convert the reply of a server to drafts, or to the verdicts of a second look.

What a model writes is untrusted, and cleaned here. An unusable card does not affect the others. A card
whose quote is not in the source is still a draft, so that the person sees it, blocked by a check.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec.structs import replace

from ankiforge.draft import sided
from ankiforge.draft.prompt import FACTS, VERDICTS, Shape
from ankiforge.model import (
    SECOND_LOOK,
    VERIFIED,
    CardKind,
    Draft,
    Fields,
    Finding,
    Highlight,
    Json,
    Origin,
    Pair,
    Severity,
    Strings,
    Value,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import cloze_answers, plain
from ankiforge.text.fold import fold, locate
from ankiforge.text.shields import outside, shields

# --- the reply of a server --------------------------------------------------------------------

TOO_LARGE = "too large"
"""The reason why a reply of more than `LARGEST` bytes ends, of which nothing else is kept."""
MOST_TOKENS = 10_000_000
"""The maximum credible number of tokens of a request or reply."""


class Completion(Value):
    """The parts of a `chat.completions` reply that we use."""

    content: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """Including reasoning."""

    @classmethod
    def of(cls, raw: str) -> Completion | None:
        """Parse the body of a reply; None if it is not a chat completion. Never raises."""
        try:  # tolerate half an emoji, a line break in a string, a number of a thousand digits
            found = json.loads(raw, strict=False, parse_int=lambda said: int(said[:18]))
        except (ValueError, RecursionError):
            return None
        choices = _dict(found).get("choices")
        choice = _dict(choices[0] if isinstance(choices, list) and choices else None)
        message, finish = choice.get("message"), choice.get("finish_reason")
        if not (isinstance(message, dict) or (message is None and finish is not None)):
            return None  # the model was interrupted
        message = _dict(message)
        content = _joined(message.get("content"))
        if not content and finish == "stop":  # the server took the answer for reasoning
            thought = _joined(message.get("reasoning_content")) or _joined(message.get("reasoning"))
            content = thought if '"cards"' in thought else ""
        usage = _dict(found.get("usage"))
        tokens_in = _count(usage.get("prompt_tokens"))
        tokens_out = _count(usage.get("completion_tokens"))
        if tokens_in and tokens_out:  # some servers count reasoning only in the total
            tokens_out = max(tokens_out, _count(usage.get("total_tokens")) - tokens_in)
        return cls(
            content, str(finish or ""), _joined(message.get("refusal")), _joined(found.get("model")),
            tokens_in, tokens_out,
        )  # fmt: skip


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _joined(content: Any) -> str:
    """Return a content, which some servers send as a list of parts, as valid Unicode."""
    if isinstance(content, list):
        parts = [_dict(part).get("text") for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    return content.encode("utf-8", "replace").decode("utf-8") if isinstance(content, str) else ""


def _count(tokens: Any) -> int:
    """Return a number of tokens; 0 if the value is not credible."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 < tokens <= MOST_TOKENS else 0


# --- JSON in what models write --------------------------------------------------------------

LONGEST = 500_000
"""The number of characters of a reply that are read."""
# After so many places where no object begins, the rest of a reply is not searched for whole
# objects.
_FAILURES = 200
_LATEX = (
    r"nabla|natural|ne|neq|neg|nu|not|notin|ni|norm|newcommand|nexists|nleq|ngeq|nparallel|nearrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tan|tanh|tr|triangle\w*|therefore"
    r"|upsilon|uparrow|underline|underbrace|underset|uplus"
)
_BACKSLASH = regex(
    rf"""(?x)\\\\ | \\(?=(?:{_LATEX})(?![A-Za-z])) | \\(?=[bf][A-Za-z]) | \\(?=r(?!\\n)[A-Za-z])
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}}) | \\(?P<apostrophe>')"""
)


def _fix_escapes(text: str, apostrophe: str = "'") -> str:
    r"""Double the single backslashes of LaTeX: `\frac` would be read as a form feed, `\alpha` as an error.

    A backslash is doubled unless it begins a valid JSON escape, and also if it begins a well-known
    command, or a form feed, backspace or lone carriage return before a letter, which are never
    intended. Other `\n` and `\t` are kept. `\'` becomes `apostrophe`.
    """
    return _BACKSLASH.sub(lambda found: apostrophe if found["apostrophe"] else r"\\", text)


_NAMES = "think|thinking|thought|reasoning|reflection|seed:think"
# Reasoning before the answer; it may begin in the request, so that only its end is there.
_THOUGHT = regex(
    rf"""(?isx)\A\s*(?:<({_NAMES})>.*?(?:</\1>|\Z) | \[THINK\].*?(?:\[/THINK\]|\Z)
    | <\|channel\|>\s*(?:analysis|commentary).*?(?:<\|channel\|>\s*final|\Z)
    | <\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)
    | .*</(?:{_NAMES})>(?=\s*(?:```\w*\s*)?[\[{{]))"""
)


def objects(text: str) -> list[Any]:
    """Return the JSON objects in a reply, in order. Never raises.

    Fences, prose and reasoning around them are skipped, JSON with small faults is repaired, and
    objects of truncated JSON are kept if they are complete.
    """
    bare = text[:LONGEST].strip("\ufeff \t\r\n")
    while thought := _THOUGHT.match(bare):
        bare = bare[thought.end() :].strip()
    if bare.startswith('"'):  # JSON in a string
        try:
            inner = json.loads(_fix_escapes(bare), strict=False)
        except (ValueError, RecursionError):
            inner = ""
        if isinstance(inner, str) and "{" in inner:
            return objects(inner)
    found, broken = _whole(_fix_escapes(bare))
    if broken or not found:
        # an escaped apostrophe does not end a string in single quotes
        repaired = _repaired(_fix_escapes(bare, r"\'"))
        if _size(repaired) > _size(found):
            return repaired
    return found


def _size(values: Iterable[Any]) -> int:
    return sum(1 for _ in _flat(values, "h"))


_DECODER = json.JSONDecoder(strict=False)
# The start of an object, but no braces of LaTeX or prose.
_BEGINS = regex(r"""\{(?=\s{0,99}["'“„}])""")


def _whole(text: str) -> tuple[list[Any], bool]:
    """Return the outermost valid objects in a text, and whether there is an invalid one."""
    found, at, failures = [], 0, 0
    while failures < _FAILURES and (start := _BEGINS.search(text, at)):
        try:
            value, at = _DECODER.raw_decode(text, start.start())
            found.append(value)
        except (ValueError, RecursionError):
            at, failures = start.end(), failures + 1
    return found, failures > 0


_QUOTES = "\"'“”„‘’"
_LOOSE_START = regex(rf"\{{\s{{0,99}}[{_QUOTES}]?\w{{1,40}}[{_QUOTES}]?\s{{0,9}}:(?!:)")


def _repaired(text: str) -> list[Any]:
    """Return the objects that json-repair reads: other or missing quotes, missing commas.

    It would complete a card that was cut off, so only what ends with a brace is read.
    """
    from json_repair import repair_json

    begin, end = _LOOSE_START.search(text), text.rfind("}") + 1
    if begin is None or end <= begin.start():
        return []
    try:
        read = repair_json(text[begin.start() : end], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return []
    return read if isinstance(read, list) else [read]


_ALIASES = {
    "h": "h highlight highlightid label id passage",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote",
    "front": "front question q term prompt",
    "back": "back answer a definition",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
}
_CALLED = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_A_LABEL = regex(r"(?i)(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})")
_DEEPEST = 5


def _flat(value: Any, inherits: str, depth: int = 0) -> Iterator[Json]:
    """Yield the innermost objects in JSON; those grouped under a label `inherits` get it."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):  # JSON in a string
        value = _whole(_fix_escapes(value))[0]
    if isinstance(value, dict):
        parts = [(key, part) for key, part in value.items() if isinstance(part, dict | list)]
        parts += [(key, part) for key, part in value.items() if str(part)[:1] in "{["]
        label = {inherits: value[inherits]} if isinstance(value.get(inherits), str | int) else {}
        inner = []
        for key, part in dict(parts).items():
            named = _A_LABEL.fullmatch(str(key).strip())
            own = {inherits: named[1]} if named else label
            inner += [{**own, **one} for one in _flat(part, inherits, depth + 1)]
        yield from inner or [value]
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for item in value:
            yield from _flat(item, inherits, depth + 1)


# --- cards ----------------------------------------------------------------------------------


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


_KINDS = {
    "cloze": CardKind.CLOZE,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}
MOST = 10_000
"""The maximum number of objects of a reply that are read."""


def items(content: str, labels: Strings) -> list[Item]:
    """Return the usable objects of a reply about one of the highlights.

    If only one highlight was asked about, objects refer to it whatever they name.
    """
    read, _ = every_item(content)
    if len(labels) == 1 and not any(item.label == labels[0] for item in read):
        read = [replace(item, label=labels[0]) for item in read]
    return [item for item in read if item.label in labels]


def every_item(content: str) -> tuple[list[Item], list[str]]:
    """Return the usable objects of a reply, whatever highlight they name, and the others as JSON."""
    read = []
    unusable = []
    for one in islice(_flat(objects(content), "h"), MOST):
        card = {}
        for key, part in one.items():  # our names take precedence over aliases
            name = _CALLED.get(re.sub(r"[^a-z]", "", str(key)[:40].casefold()), "")
            if name and (name not in card or key == name):
                card[name] = part
        if (item := _item(card)) is not None:
            read.append(item)
        elif "verdict" not in one:
            unusable.append(json.dumps(one, ensure_ascii=False, default=str))
    return read, unusable


def _item(found: Json) -> Item | None:
    """Return an object with the kind that its filled fields allow, if possible the given one.

    A cloze may be in the front; one with a blank whose answer is in the back is a question.
    """
    said = re.sub(r"[^a-z]", "", _string(found, "kind").casefold())
    front, back, text = (_string(found, side) for side in ("front", "back", "text"))
    why = " ".join(scrub(_string(found, "why_none")).split())[:200]
    label, quote = label_of(found.get("h")), scrub(_string(found, "quote"))
    if said == "none" or not (front or back or text):
        return Item(label, None, why_none=why) if said == "none" or why else None
    kind = _KINDS.get(said, CardKind.BASIC)
    if kind is CardKind.CLOZE or not (front and back):
        for words in (text, front):
            made = cloze_text(words)
            if cloze.gaps(made):
                return Item(label, CardKind.CLOZE, quote, text=made)
    if (front := front or text) and back:
        kind = CardKind.BASIC if kind is CardKind.CLOZE else kind
        return Item(label, kind, quote, markdown(front), markdown(back))
    return Item(label, CardKind.CLOZE, quote, text=cloze_text(text)) if text else None


def label_of(said: object) -> str:
    """Return the label of a highlight: `1`, `"1"` and `"h1"` are equal."""
    words = str(said)[:40].casefold() if isinstance(said, str | int) else ""
    return re.sub(r"^\W*(?:h(?:ighlight)?\W*(?=\w))?|\W+$", "", words)


def _string(found: Json, key: str) -> str:
    """Return a value as text; the parts of a list are joined."""
    value = found.get(key)
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value[:100] if isinstance(part, str | int))
    text = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value)[:20_000] if text else ""


_EMPTY = regex(r'(?i)\W*(?:json\s*)?(?:\{\s*"cards"\s*:\s*)?\[\s*\][\s}`]*')


def is_empty(text: str) -> bool:
    """Return whether a reply is an explicitly empty list of cards: `{"cards": []}`."""
    return _EMPTY.fullmatch(text) is not None


# --- a model's text as our Markdown ---------------------------------------------------------

_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def scrub(text: str) -> str:
    """Return text without lone surrogates and control characters except tab and newline."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", clean).strip()


_MATHS = regex(r"(?s)\\\[\s*(.+?)\s*\\\]|\\\(\s*(.+?)\s*\\\)")
_LOUD = regex(r"(?is)<(script|style|iframe|object|svg)\b[^<>]*>.*?</\1\s*>")
_RAISED = regex(r"(?i)<(sub|sup)>([^<>$\n]{1,20})</\1>")
_SIGNS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "br": "\n", "/p": "\n"}
_TAG = regex(
    r"""(?ix)<(?P<name>/?(?:b|strong|i|em|code|br|p|div|span|a|img|u|s|sub|sup|small|big|font|ul|ol|li
    |table|tr|td|th|thead|tbody|h[1-6]|pre|hr|center|form|input|button|video|audio|source|link
    |meta|base|script|style|iframe|object|svg|html|body|head|embed|details|summary))\b
    (?:\s[^<>]*)?/?>"""
)
_IMAGE = regex(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = regex(r"\[([^\]\n]*)\]\([^)\n]*\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")


def markdown(text: str) -> str:
    """Return a model's text as our Markdown: HTML is converted or dropped, links become text."""
    return cloze.escape_signs(_ours(text))


_LOOSE = regex(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_BARE = regex(r"\{\{(?!c\d)([^{}\n]+)\}\}")


def cloze_text(text: str) -> str:
    """Return a cloze in our Markdown: `{{c1:x}}` and `{{x}}` become `{{c1::x}}`."""
    made = outside(_ours(text), lambda run: _LOOSE.sub(r"{{c\1::", run))
    if not made or cloze.gaps(made):
        return made
    count = iter(range(1, len(made) + 1))
    return outside(made, lambda run: _BARE.sub(lambda f: cloze.make(next(count), f[1]), run))


def _ours(text: str) -> str:
    made = _MATHS.sub(lambda f: f"$${f[1]}$$" if f[1] else f"${f[2]}$", scrub(text))
    parts, at = [], 0
    for start, end, kind in shields(made):  # `\\frac` in a formula, where `\\` ends no line
        formula = made[start:end]
        if kind in ("math", "display") and r"\begin" not in formula:
            formula = re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", formula)
        parts += [made[at:start], formula]
        at = end
    return outside("".join([*parts, made[at:]]), _without_html).strip()


def _without_html(run: str) -> str:
    run = _RAISED.sub(
        lambda f: f"${'_' if f[1][2:] in 'bB' else '^'}{{{f[2]}}}$", _LOUD.sub("", run)
    )
    run = _TAG.sub(lambda tag: _sign(tag["name"].casefold()), run)
    run = html.unescape(_AUTOLINK.sub(r"\1", run))
    run = _LINK.sub(r"\1", _IMAGE.sub("", run))
    return re.sub(r"(?<!\\)<(?=[A-Za-z/!?])", r"\\<", run)


def _sign(name: str) -> str:
    return _SIGNS.get(name) or _SIGNS.get(name.removeprefix("/"), "")


# --- drafts ---------------------------------------------------------------------------------


def drafts_of(
    read: Iterable[Item], highlight: Highlight, origin: Origin, shape: Shape
) -> tuple[Draft, ...]:
    """Return the distinct cards of one highlight that have a wanted kind, in the order of the passage.

    Drafts with equal `intent` are about the same fact: all of them, if there is more than one
    candidate to choose from.
    """
    made: list[Draft] = []
    for item in read:
        if item.kind not in shape.kinds or len(made) == max(FACTS, shape.candidates):
            continue
        draft = _draft(item, highlight, origin)
        if not any(_words(draft) == _words(other) for other in made):
            made.append(draft)
    if shape.candidates > 1:
        return tuple(made[: shape.candidates])
    made = sorted(made[:FACTS], key=lambda draft: draft.start)
    return tuple(replace(draft, intent=intent) for intent, draft in enumerate(made))


def _words(draft: Draft) -> Pair:
    """Return question and answer, to recognise two equal cards."""
    asked = cloze.reveal(draft.field("Text")) or draft.field("Front")
    return fold(asked), fold(draft.answer)


def why_none(read: Iterable[Item], shape: Shape) -> str:
    """Return why the objects of a reply about a highlight make no card."""
    read = list(read)
    if reason := next((one.why_none for one in read if one.kind is None), None):
        return reason
    drew = ", ".join(dict.fromkeys(item.kind for item in read if item.kind is not None))
    if drew:
        return f"the model drafted only {drew}, not {', '.join(shape.kinds)}"
    return "the model saw nothing worth a card"


def _draft(item: Item, highlight: Highlight, origin: Origin) -> Draft:
    kind = item.kind or CardKind.BASIC
    quote, start = _evidence(item.quote, highlight)
    fields: Fields = (("Text", item.text),)
    if kind is not CardKind.CLOZE:
        fields = sided(kind, item.front, item.back)
    answer = cloze_answers(item.text) if kind is CardKind.CLOZE else plain(item.back)
    return Draft(highlight.key, kind, fields, quote, answer, start, origin)


def _evidence(quote: str, highlight: Highlight) -> tuple[str, int]:
    """Return the quote as in the source, and where it begins in the mark."""
    bare = quote.strip().strip('"“”„«»').strip()
    for place in (highlight.exact, highlight.sentence):
        if span := locate(quote, place) or locate(bare, place):
            return place[slice(*span)], span[0] if place == highlight.exact else 0
    return quote, 0


# --- a second look --------------------------------------------------------------------------


_FAULTS = {"changed": "the passage says it otherwise", "absent": "the passage does not say it"}


def verdicts(content: str) -> dict[str, tuple[Finding, ...]]:
    """Return what a second look found of each card, by its label."""
    found = {}
    for one in _flat(objects(content), "card"):
        verdict = _string(one, "verdict").strip().casefold()
        label = re.sub(r"^\W+|\W+$", "", _string(one, "card")).casefold()
        if verdict not in VERDICTS or not label:
            continue
        why, also = (
            " ".join(scrub(_string(one, name)).split())[:200] for name in ("why", "also_right")
        )
        told = [": ".join(filter(None, (what, why)))] if (what := _FAULTS.get(verdict)) else []
        if also and one.get("same_thing") is not True:
            told.append(f"also right: {also}, another thing")
        warned = (Finding(SECOND_LOOK, Severity.WARN, words) for words in told)
        found[label] = tuple(warned) or (Finding(VERIFIED, Severity.INFO, "the passage says so"),)
    return found
