"""Convert the raw reply of a server to drafts. What a model writes is untrusted, and cleaned here.

An unusable card does not affect the others. A card whose quote is not in the source is still a
draft, so that the person sees it, blocked by the grounding check.
"""

from __future__ import annotations

import html
import json
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace
from rapidfuzz import fuzz

from ankiforge.draft import sided
from ankiforge.draft.prompt import FACTS, Shape
from ankiforge.model import CardKind, Draft, Fields, Highlight, Origin, Span
from ankiforge.text import cloze
from ankiforge.text.cloze import outside, shields
from ankiforge.text.fold import fold, locate
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.passages import boundaries

# --- JSON in what models write --------------------------------------------------------------

LONGEST = 4_000_000
"""The number of characters of a reply that are read."""
_WORTH_REPAIR = 400_000
"""The maximum length of a reply whose JSON is repaired."""
_LATEX = (
    r"nabla|natural|ne|neq|neg|nearrow|nwarrow|nu|not|notin|ni|nmid|norm|newline|newcommand|nolimits"
    r"|nonumber|nexists|nleq|ngeq|nless|nparallel|nsubseteq|nleftarrow|nrightarrow|nRightarrow"
    r"|theta|tau|text\w*|times|to|tilde|top|tfrac|tbinom|tag|tan|tanh|tr|triangle\w*|therefore"
    r"|thick\w*|thin\w*|twoheadrightarrow|tiny|upsilon|uparrow|underline|underbrace|underset"
    r"|updownarrow|uplus|unlhd|urcorner|ulcorner"
)
_BACKSLASH = re.compile(
    rf"""\\\\ | \\(?=(?:{_LATEX})(?![A-Za-z])) | \\(?=[bf][A-Za-z]) | \\(?=r(?!\\n)[A-Za-z])
    | \\(?!["\\/bfnrt']|u[0-9a-fA-F]{{4}}) | \\(?P<apostrophe>')""",
    re.VERBOSE,
)


def fix_escapes(text: str, apostrophe: str = "'") -> str:
    r"""Double the single backslashes of LaTeX: `\frac` would be read as a form feed, `\alpha` as an error.

    A backslash is doubled unless it begins a valid JSON escape, and also if it begins a well-known
    command, or a form feed, backspace or lone carriage return before a letter, which are never
    intended. Other `\n` and `\t` are kept. `\'` becomes `apostrophe`.
    """
    return _BACKSLASH.sub(lambda found: apostrophe if found["apostrophe"] else r"\\", text)


Found = Callable[[Any], Iterator[dict[str, Any]]]
"""Yields the wanted objects in a JSON value."""


def objects(text: str, within: Found | None = None) -> list[dict[str, Any]]:
    """Return the objects in a reply that may be cards, from `{"cards": […]}`, lists, or alone.

    Fences, prose and reasoning around the JSON are skipped, and complete cards of truncated JSON are
    kept. Keys are translated to ours (`Question` to `front`). `within` finds other objects in each
    JSON value instead. Never raises.
    """
    clean = fix_escapes(text[:LONGEST].lstrip("\ufeff"))
    if clean.lstrip().startswith('"') and (inner := _encoded(clean)):
        return objects(inner, within)
    within = within or _cards
    values, broken = _json_values(clean)
    begin = _end_of_thought(clean, values)
    found = [card for start, _, value in values if begin <= start for card in within(value)]
    if len(clean) <= _WORTH_REPAIR and begin < len(clean) and (broken or not found):
        # an escaped apostrophe does not end a string in single quotes
        clean = fix_escapes(text[:LONGEST], r"\'")
        begin = _end_of_thought(clean, _json_values(clean)[0])
        repaired = list(within(_repaired(clean[begin:])))
        found = repaired if len(repaired) > len(found) else found
    return found


def _encoded(text: str) -> str:
    """Return the content of a JSON string; "" if the text is not one."""
    try:
        return str(json.loads(text, strict=False))
    except (ValueError, RecursionError):
        return ""


def is_empty(text: str) -> bool:
    """Return whether a reply is an explicitly empty list of cards: `{"cards": []}`."""
    values, broken = _json_values(text.lstrip("\ufeff"))
    return not broken and bool(values) and values[-1][2] in ({"cards": []}, [])


_Placed = tuple[int, int, Any]
"""(start, end, value)."""
_DECODER = json.JSONDecoder(strict=False)
_FOUND = re.compile(r'\{(?=\s{0,99}["}])|\[(?=\s{0,99}[\[{"\]\d])')
"""The start of a value, but not braces of LaTeX or prose."""
_BEHIND, _LOST = 20_000, 10_000
"""The number of characters after which the text read is dropped, and the cost of a failure at an unknown place."""


def _json_values(text: str) -> tuple[list[_Placed], bool]:
    """Return all outermost JSON values in a text, and whether there is invalid JSON.

    Values inside invalid JSON are also found. The effort is limited to reading the text five times,
    because malicious nesting could take very long.
    """
    at, cut, left, broken = 0, 0, 5 * len(text) + 100 * _LOST, False
    values: list[_Placed] = []
    while left > 0 and (start := _FOUND.search(text, at)) is not None:
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            at, broken = start.end(), True
            left -= 200 + max(getattr(error, "pos", at + _LOST) - at, 0)
        else:
            values.append((cut + start.start(), cut + at, value))
        if at > _BEHIND:  # creating an error counts all lines before it
            text, cut, at = text[at:], cut + at, 0
    return values, broken


_THINKS = re.compile(
    r"<(?:think|thinking|thought|reasoning|reflection|seed:think)>|\[THINK\]|<\|begin_of_thought\|>"
    r"|<\|channel\|>\s*(?:analysis|commentary)\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"</(?:think|thinking|thought|reasoning|reflection|seed:think)>|\[/THINK\]|<\|end_of_thought\|>"
    r"|<\|channel\|>\s*final\b",
    re.IGNORECASE,
)


def _end_of_thought(text: str, values: list[_Placed]) -> int:
    """Return where the answer begins: after the last reasoning.

    That is the end of the text if it consists of unfinished reasoning. Signs inside cards are text.
    The end of reasoning counts only if reasoning begins before it, or JSON follows.
    """
    starts = [start for start, _, _ in values]

    def outside_values(sign: re.Match[str]) -> bool:
        before = bisect(starts, sign.start())
        return not before or values[before - 1][1] <= sign.start()

    begins = any(map(outside_values, _THINKS.finditer(text)))
    ends = [
        sign.end()
        for sign in filter(outside_values, _SPEAKS.finditer(text))
        if begins or _ANSWER.match(text, sign.end())
    ]
    if not ends and _THINKS.match(text.lstrip()):
        return len(text)
    return max(ends, default=0)


_ANSWER = re.compile(r"(?:<\|message\|>)?\s*(?:```\w*\s*)?[\[{]")
_CURLY = re.compile(r"(?<=[{\[,:])(\s*)[“„”]|[”“](\s*)(?=[,:}\]])")
_CURLY_KEY = re.compile(r"[“„]\w+[”“]\s*:")
_CLOSED = re.compile(r"\}\s*,?\s*\](?:\s*\})*")


def _repaired(text: str) -> Any:
    """Return JSON with json-repair: single or missing quotes, missing commas, Python's constants.

    Only up to the end of the last complete object, which is the end of a list of objects or a brace
    outside quotation marks, because json-repair would complete a truncated card.
    """
    from json_repair import repair_json

    if not (start := re.search(r"[{\[]", text)):
        return None
    if _CURLY_KEY.search(text):  # an editor has changed the quotation marks
        text = _CURLY.sub(r'\1"\2', text)
    end = max((found.end() for found in _CLOSED.finditer(text)), default=0)
    quotes = 0
    for sign in re.finditer(r'\\.|["}]', text, re.DOTALL):
        quotes += sign[0] == '"'
        if sign[0] == "}" and quotes % 2 == 0:
            end = max(end, sign.end())
    try:
        return repair_json(text[start.start() : end], return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


_NAMES = {
    "h": "h highlight highlightid label id passage",
    "fact": "fact factid intent",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote",
    "front": "front question q term prompt",
    "back": "back answer a definition",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
}
_CALLED = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}
_DEEPEST = 4
_A_LABEL = re.compile(r"(?:h(?:ighlight)?[\s_#-]*)?(\d{1,3}|[0-9a-f]{8})", re.IGNORECASE)


def _cards(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield all nested cards; those grouped under an `h` inherit it."""
    if depth > _DEEPEST:
        return
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):  # JSON in a string
        for _, _, inner in _json_values(fix_escapes(value))[0]:
            yield from _cards(inner, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _cards(item, depth + 1)
    elif isinstance(value, dict):
        card: dict[str, Any] = {}
        for key, part in value.items():  # our names take precedence over aliases
            name = _CALLED.get(re.sub(r"[^a-z]", "", str(key)[:40].casefold()), "")
            if name and (name not in card or key == name):
                card[name] = part
        if any(isinstance(card.get(side), str | int | float) for side in ("front", "text")):
            yield card
            return
        grouped = []
        for key, part in value.items():  # a key may be the label of a highlight
            label = _A_LABEL.fullmatch(str(key).strip())
            named = {"h": label[1]} if label else {}
            grouped += [{**named, **one} for one in _cards(part, depth + 1)]
        if not grouped and any(name in card for name in ("h", "quote", "why_none")):
            yield card
        inherited = {
            name: card[name]
            for name in ("h", "fact", "quote")
            if isinstance(card.get(name), str | int | float) and not isinstance(card[name], bool)
        }
        yield from ({**inherited, **one} for one in grouped)


# --- items ----------------------------------------------------------------------------------


class Item(msgspec.Struct, frozen=True):
    """One object of a reply, with cleaned texts."""

    label: str
    kind: CardKind | None
    """None: the model says there is no card."""
    quote: str = ""
    front: str = ""
    back: str = ""
    text: str = ""
    why_none: str = ""
    fact: str = ""
    """Equal for cards of the same fact; "" if the model does not say."""


_KINDS = {
    "cloze": CardKind.CLOZE,
    "basic": CardKind.BASIC,
    "qa": CardKind.BASIC,
    "question": CardKind.BASIC,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}
MOST = 100
"""The minimum number of objects of a reply that are read."""


def items(content: str, labels: tuple[str, ...]) -> list[Item]:
    """Return the usable objects of a reply.

    If only one highlight was asked about, objects refer to it even if they name none, or if all of
    them name another one.
    """
    found = objects(content)[: max(MOST, 10 * len(labels))]
    alone = labels[0] if len(labels) == 1 else ""
    read = usable(found, labels, alone)
    if alone and not read:
        return usable(({**one, "h": alone} for one in found), labels)
    return read


def usable(found: Iterable[dict[str, Any]], labels: tuple[str, ...], alone: str = "") -> list[Item]:
    """Return the items about one of the highlights; objects that name none refer to `alone`."""
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
    )


def label_of(said: object) -> str:
    """Return the label of a highlight: `1`, `"1"`, `"h1"` and `1.0` are equal."""
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    words = str(said)[:40].casefold() if isinstance(said, str | int) else ""
    return re.sub(r"^\W*(?:(?:h(?:ighlight)?|fact)\W*(?=\w))?|\W+$", "", words)


_LONGEST = 20_000
"""The number of characters of a text that are kept."""


def _string(found: dict[str, Any], key: str) -> str:
    """Return a value as text; the parts of a list are joined."""
    value = found.get(key)
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value[:100] if isinstance(part, str | int))
    text = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value)[:_LONGEST] if text else ""


def _kind(said: str, front: str, back: str, text: str) -> tuple[CardKind | None, str]:
    """Return the kind of card that the filled fields allow, if possible the given one, and the cloze.

    A cloze may be in the front, or have a blank whose answer is in the back.
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


def reasons(read: Iterable[Item]) -> Iterator[str]:
    """Yield the model's reasons for drafting no card."""
    for item in read:
        if item.kind is None:
            yield item.why_none or "the model saw nothing worth a card"


# --- a model's text as our Markdown ---------------------------------------------------------

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def scrub(text: str) -> str:
    """Return text without lone surrogates and control characters except tab and newline."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", clean).strip()


_DISPLAY = re.compile(r"\\\[\s*(.+?)\s*\\\]", re.DOTALL)
_INLINE = re.compile(r"\\\(\s*(.+?)\s*\\\)", re.DOTALL)
_LOUD = re.compile(r"<(script|style|iframe|object|svg)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.I)
_RAISED = re.compile(r"<(sub|sup)>([^<>$\n]{1,20})</\1>", re.IGNORECASE)
_SIGNS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "br": "\n", "p": "\n"}
_TAG = re.compile(
    r"""</?(?P<name>b|strong|i|em|code|br|p|div|span|a|img|u|s|sub|sup|small|big|font|ul|ol|li
    |table|tr|td|th|thead|tbody|h[1-6]|pre|hr|center|form|input|button|video|audio|source|link
    |meta|base|script|style|iframe|object|svg|html|body|head|embed|details|summary)\b(?:\s[^<>]*)?/?>""",
    re.VERBOSE | re.IGNORECASE,
)
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto|javascript):[^<>\s]*)>", re.IGNORECASE)


def markdown(text: str) -> str:
    """Return a model's text as our Markdown: HTML is converted or dropped, links become text."""
    return cloze.escape_signs(_ours(text))


_LOOSE = re.compile(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_BARE = re.compile(r"\{\{(?!c\d)([^{}\n]+)\}\}")
_BLANK = re.compile(r"_{3,}|\[(?:…|\.{3}|_+|\?)?\]|\(\s*(?:…|\.{3}|_+)\s*\)")
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,80})\](?![(\[])")


def cloze_text(text: str, answer: str = "") -> str:
    """Return a cloze in our Markdown, however the gap is written.

    `{{c1:x}}` and `{{x}}` become `{{c1::x}}`. The gap for a separate `answer` is `____`, `[…]`, or
    its only occurrence; without one, it is the text in square brackets.
    """
    made = outside(_ours(text), lambda run: _LOOSE.sub(r"{{c\1::", run))
    if not made or cloze.gaps(made):
        return made
    count = iter(range(1, len(made) + 1))
    made = outside(made, lambda run: _BARE.sub(lambda f: cloze.make(next(count), f[1]), run))
    return made if cloze.gaps(made) else _filled(made, _ours(answer))


def _filled(text: str, answer: str) -> str:
    """Insert the gap at the blank, the answer, or the brackets, if there is only one of them."""
    for blank in (_BLANK, re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)")) if answer else ():
        if len(found := list(blank.finditer(text))) == 1:
            start, end = found[0].span()
            return f"{text[:start]}{cloze.make(1, answer)}{text[end:]}"
    found = list(_BRACKETS.finditer(text))
    if len(found) == 1 and not answer:
        return f"{text[: found[0].start()]}{cloze.make(1, found[0][1])}{text[found[0].end() :]}"
    return text


def foreign(text: str) -> str:
    """Return what cleaning removes from a text ("HTML", "a link", "a picture"); "" if nothing."""
    found: list[str] = []

    def look(run: str) -> str:
        kinds = {"a picture": (_IMAGE,), "a link": (_LINK, _AUTOLINK), "HTML": (_LOUD, _TAG)}
        found.extend(kind for kind, signs in kinds.items() if any(s.search(run) for s in signs))
        return run

    outside(text, look)
    return found[0] if found else ""


def _ours(text: str) -> str:
    clean = _DISPLAY.sub(lambda f: f"$${f[1]}$$", scrub(text))
    clean = _INLINE.sub(lambda f: f"${f[1]}$", clean)
    return outside(_single_escapes(clean), _without_html).strip()


_TWICE = re.compile(r"\\\\(?=(?:[dt]?frac|sqrt|sum|prod|int|cdot|times|bar|hat|vec|left|right|text"
    r"|math[a-z]+|partial|nabla|infty|[lg]eq?|neq|approx|in|to|log|ln|exp|sin|cos|tan|lim"
    r"|alpha|beta|gamma|delta|epsilon|theta|lambda|mu|pi|rho|sigma|tau|phi|omega|Delta|Sigma|Omega)"
    r"(?![A-Za-z]))")  # fmt: skip


def _single_escapes(text: str) -> str:
    r"""Replace `\\frac` in formulas by `\frac`, except where `\\` ends a line."""
    parts, at = [], 0
    for start, end, kind in shields(text):
        formula = text[start:end]
        if kind in ("math", "display") and r"\begin" not in formula:
            formula = _TWICE.sub(r"\\", formula)
        parts += [text[at:start], formula]
        at = end
    return "".join([*parts, text[at:]])


def _without_html(run: str) -> str:
    run = _RAISED.sub(_formula, _LOUD.sub("", run))
    run = _TAG.sub(_sign, run)
    run = html.unescape(_AUTOLINK.sub(r"\1", run))
    run = _LINK.sub(r"\1", _IMAGE.sub("", run))
    return re.sub(r"(?<!\\)<(?=[A-Za-z/!?])", r"\\<", run)


def _sign(tag: re.Match[str]) -> str:
    name = tag["name"].casefold()
    if name in {"br", "p"}:
        return "\n" if name == "br" or tag[0].startswith("</") else ""
    return _SIGNS.get(name, "")


def _formula(raised: re.Match[str]) -> str:
    sign = "_" if raised[1].casefold() == "sub" else "^"
    return f"${sign}{{{raised[2]}}}$"


# --- drafts ---------------------------------------------------------------------------------

_OWN = 1000
"""The first number of facts that the model has not numbered."""


def drafts_of(
    read: Iterable[Item], highlight: Highlight, origin: Origin, shape: Shape
) -> tuple[Draft, ...]:
    """Return the cards of one highlight that have a wanted kind, not `numbered` yet.

    `intent` is the model's number of the fact. Without a number, all cards are about fact 1 if they
    are candidates to choose from, else each is about a fact of its own.
    """
    fitting = (_fitted(item, shape.kinds) for item in read)
    made = [_draft(item, highlight, origin) for item in fitting if item is not None]
    return tuple(
        draft if draft.intent else replace(draft, intent=1 if shape.candidates > 1 else _OWN + at)
        for at, draft in enumerate(made)
    )


def unwanted(read: Iterable[Item], shape: Shape) -> str:
    """Return why none of the cards that the model drafted can be used; "" if there are none."""
    drew = ", ".join(dict.fromkeys(item.kind for item in read if item.kind is not None))
    return f"the model drafted only {drew}, not {', '.join(shape.kinds)}" if drew else ""


def _fitted(item: Item, kinds: tuple[CardKind, ...]) -> Item | None:
    """Return the card as one of the wanted kinds; None if that is impossible."""
    if item.kind is None or item.kind in kinds:
        return item if item.kind else None
    if CardKind.BASIC not in kinds:
        return None
    if item.kind is CardKind.TWO_WAY:
        return replace(item, kind=CardKind.BASIC)
    gaps = cloze.gaps(item.text)
    if len(gaps) != 1:
        return None
    front = f"{item.text[: gaps[0].start]}[…]{item.text[gaps[0].end :]}"
    return replace(item, kind=CardKind.BASIC, front=front, back=gaps[0].answer, text="")


def _draft(item: Item, highlight: Highlight, origin: Origin) -> Draft:
    kind = item.kind or CardKind.BASIC
    answers = [item.back] if item.back else [gap.answer for gap in cloze.gaps(item.text)]
    quote, start = _evidence(item.quote, [plain(answer) for answer in answers], highlight)
    fields: Fields = (("Text", item.text),)
    if kind is not CardKind.CLOZE:
        fields = sided(kind, item.front, item.back)
    answer = cloze_answers(item.text) if kind is CardKind.CLOZE else plain(item.back)
    fact = int(item.fact) if re.fullmatch(r"[1-9]\d{0,2}", item.fact) else 0
    return Draft(highlight.key, kind, fields, quote, answer, start, origin, fact)


def _evidence(quote: str, answers: list[str], highlight: Highlight) -> tuple[str, int]:
    """Return the quote as in the source, and where the model's quote begins in the mark.

    If the answers are next to it in the same sentence, the quote is extended to contain them.
    """
    bare = quote.strip().strip('"“”„«»').strip()
    missing = [answer for answer in answers if not _within(answer, bare)]
    exact, sentence = highlight.exact, highlight.sentence
    found = [locate(quote, place) or locate(bare, place) for place in (exact, sentence)]
    held = [_held(missing, place) for place in (exact, sentence)]
    if found[0] and (not missing or held[0] or not (found[1] and held[1])):
        start, end = _stretched(found[0], held[0], exact)
        return exact[start:end], found[0][0]
    if found[1]:
        start, end = _stretched(found[1], held[1], sentence)
        return sentence[start:end], 0
    return quote, 0


def _held(answers: Iterable[str], place: str) -> list[Span]:
    """Return the positions of the answers in a text; [] unless it contains all of them."""
    spans = [_within(answer, place) for answer in answers]
    return [] if None in spans else [span for span in spans if span]


def _within(answer: str, place: str) -> Span | None:
    """Return the position of an answer as whole words: `rat` is not in `generation`."""
    at = 0
    while span := locate(answer.strip(" ."), place[at:]):
        start, end = at + span[0], at + span[1]
        if not (_LETTER.match(place[start - 1 : start]) or _LETTER.match(place[end : end + 1])):
            return start, end
        at = end
    return None


_LETTER = re.compile(r"[a-zA-Z\u00c0-\u024f0-9]")
"""Letters of scripts that separate words."""


def _stretched(quote: Span, answers: list[Span], place: str) -> Span:
    """Return the span of the quote and the answers; a quote of one word is extended to its line.

    A quote with another figure than the answer is not extended, because one of them is wrong.
    """
    answered = _FIGURES.findall(" ".join(place[start:end] for start, end in answers))
    quoted = _FIGURES.findall(place[quote[0] : quote[1]])
    spans = (
        [quote] if answered and quoted and not set(answered) <= set(quoted) else [quote, *answers]
    )
    start, end = min(span[0] for span in spans), max(span[1] for span in spans)
    if any(start < at < end for at in boundaries(place)):  # another sentence, another claim
        start, end = quote
    if _NAMING <= end - start < _TELLING:
        start = place.rfind("\n", 0, start) + 1
        end = place.find("\n", end) if "\n" in place[end:] else len(place)
    return (start, end) if end - start <= _STRETCH else quote


_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_NAMING, _TELLING = 3, 8
"""The lengths from which a quote identifies a line, and from which it may be evidence."""
_STRETCH = 600
"""The maximum length of an extended quote."""


def numbered(made: Iterable[Draft], shape: Shape) -> tuple[Draft, ...]:
    """Return the distinct cards about at most two facts, in the order of the passage.

    One card for each fact, or as many as there are candidates to choose from, the best first.
    """
    facts: dict[int, list[Draft]] = {}
    for draft in made:
        fact = facts.get(draft.intent, [])
        full = len(fact) == shape.candidates if fact else len(facts) == FACTS
        if full or any(alike(draft, other) for others in facts.values() for other in others):
            continue
        facts[draft.intent] = [*fact, draft]
    in_order = sorted(facts.values(), key=lambda fact: min(draft.start for draft in fact))
    return tuple(
        replace(draft, intent=intent) for intent, fact in enumerate(in_order) for draft in fact
    )


_SAME_WORDS = 90
"""The similarity (rapidfuzz token_sort_ratio, 0 to 100) from which fronts ask the same."""


def alike(one: Draft, other: Draft) -> bool:
    """Return whether two cards of a highlight have the same question and answer."""
    if one.fields == other.fields:
        return True
    if one.kind.family is not other.kind.family or fold(one.answer) != fold(other.answer):
        return False
    asked, again = (
        " ".join(
            re.findall(
                r"\w+", (cloze.reveal(draft.field("Text")) or draft.field("Front")).casefold()
            )
        )
        for draft in (one, other)
    )
    if re.findall(r"\d+", asked) != re.findall(r"\d+", again):
        return False
    return fuzz.token_sort_ratio(asked, again) >= _SAME_WORDS


def card_json(draft: Draft, shape: Shape) -> str:
    """Return a draft as JSON for a request to repair it."""
    fact = {"fact": str(draft.intent + 1)} if shape.candidates > 1 else {}
    return json.dumps({**fact, "kind": draft.kind.value, **dict(draft.fields)}, ensure_ascii=False)
