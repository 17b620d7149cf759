"""What is sent: the body of a `chat.completions` request, and the hash that names it.

Rules, schema and examples come first and are the same bytes for a whole run; the title and the
passages come last. A passage stands between markers, its own text cannot close them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from ankiforge.draft import for_rules, private, set_aside
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.wording.prompt import Prompt, Wording
from ankiforge.model import CardKind, Highlight, HighlightKind, Task
from ankiforge.text.anchors import CONTEXT

Body = dict[str, Any]
Message = dict[str, str]


class Rung(IntEnum):
    """How strictly the shape of a reply is asked for; servers differ in what they take."""

    JSON_SCHEMA = 0
    JSON_OBJECT_SCHEMA = 1
    JSON_OBJECT = 2
    TEXT = 3


# --- which highlights go out ----------------------------------------------------------------


def withheld(highlight: Highlight) -> str:
    """Why a highlight is never sent to a model; "" if it may be."""
    if reason := set_aside(highlight) or private(highlight):
        return reason
    if highlight.kind is HighlightKind.CARD:
        return "a hand-written card is not redrawn"
    return "a picture is not shown to a model" if for_rules(highlight) else ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Highlights of one document that share a request."""

    task: Task
    highlights: tuple[Highlight, ...]

    def only(self, highlights: tuple[Highlight, ...]) -> Chunk:
        """The same chunk with fewer highlights."""
        return Chunk(self.task, highlights)

    @property
    def as_formerly(self) -> Chunk | None:
        """The chunk as it was asked about before the reading became better; None if as now."""
        if all(highlight.formerly is None for highlight in self.highlights):
            return None
        return self.only(tuple(highlight.as_formerly for highlight in self.highlights))


def chunks(
    task: Task, size: int, known: Callable[[Chunk], bool] = lambda chunk: False
) -> Iterator[Chunk]:
    """The highlights of a task that may be sent, `size` a request, in order.

    Those that a `known` request was about stay together: what was added between them since
    must not make it another, to be paid for again.
    """
    sent, at, fresh = _unveiled(task), 0, 0
    while at < len(sent):
        widths = range(min(size, len(sent) - at), 0, -1)
        runs = (Chunk(task, sent[at : at + width]) for width in widths)
        if (asked := next(filter(known, runs), None)) is None:
            at += 1
            continue
        yield from _cut(task, sent[fresh:at], size)
        yield asked
        fresh = at = at + len(asked.highlights)
    yield from _cut(task, sent[fresh:], size)


def _cut(task: Task, sent: tuple[Highlight, ...], size: int) -> Iterator[Chunk]:
    for at in range(0, len(sent), size):
        yield Chunk(task, sent[at : at + size])


def _unveiled(task: Task) -> tuple[Highlight, ...]:
    """What may be sent; without the text around it where a private passage may be in that."""
    sent = tuple(highlight for highlight in task.highlights if not withheld(highlight))
    if not (task.discreet or any(private(highlight) for highlight in task.highlights)):
        return sent
    return tuple(_bare(highlight).formerly_as(_bare(highlight.as_formerly)) for highlight in sent)


def _bare(highlight: Highlight) -> Highlight:
    return replace(highlight, prefix="", suffix="", sentence="", above=(), formerly=None)


# --- the body -------------------------------------------------------------------------------


def body(
    chunk: Chunk,
    settings: ServerSettings,
    prompt: Wording,
    rung: Rung = Rung.JSON_SCHEMA,
    further: tuple[Message, ...] = (),
) -> Body:
    """One request; `further` messages follow the prompt's own."""
    words = prompt.of(chunk.task)
    shape = shape_of(chunk.task, words, settings.candidates, settings.tags)
    messages = words.messages(values(chunk, shape))
    schema = reply_schema(shape)
    made = {"model": settings.model, "messages": [*messages, *further]}
    return {**made, **response_format(rung, schema), **settings.extra_body}


def values(chunk: Chunk, shape: Shape) -> dict[str, str]:
    """What fills the holes of a prompt; highlights are labelled from 1."""
    passages = enumerate(chunk.highlights, start=1)
    return {
        **rules_of(shape),
        "title": title_of(chunk.task),
        "remark": remark_of(chunk.task),
        "highlights": "\n\n".join(
            passage(str(label), marked, wish_of(chunk.task)) for label, marked in passages
        ),
    }


def rules_of(shape: Shape) -> dict[str, str]:
    """The values that are the same for every request of one shape."""
    return {
        "schema": json.dumps(reply_schema(shape), ensure_ascii=False),
        "most": _most(shape.candidates),
        "kinds": "\n".join([*(_HOW[kind] for kind in shape.kinds), *_only(shape)]),
        "tags": " ".join(_TAGGED[tag] for tag in shape.tags),
    }


def _only(shape: Shape) -> Iterator[str]:
    """A word on the kinds that examples may show, and that are not wanted."""
    if len(shape.kinds) < len(CardKind):
        yield "No other kind, whatever the examples show."


FACTS = 2
"""How many facts of one highlight get cards."""
_NUMBERS = ("", "one card", "two", "three", "four", "five")
_HOW = {
    CardKind.BASIC: 'kind "basic": the question in `front`, the answer in `back`.',
    CardKind.CLOZE: (
        'kind "cloze": in `text` one sentence that stands alone (at most 30 words), the answer in it '
        "written {{c1::answer}}: one gap, at most five words, not to be guessed from the rest."
    ),
    CardKind.TWO_WAY: (
        'kind "two-way": in `front` the term with its field in brackets, in `back` its definition '
        "in at most 15 words without the term; only for a term that is worth asking both ways, "
        "where the definition fits nothing else."
    ),
}
_TAGGED = {
    "bloom": "`bloom` is the level of Bloom's taxonomy at which the card asks.",
    "difficulty": "`difficulty` is how hard the answer will be to recall a month later.",
}


def _most(candidates: int) -> str:
    if candidates == 1:
        return "one card, two only if two separate facts are marked"
    return (
        f"up to {_NUMBERS[candidates]} quite different cards for the same fact, of which the reader "
        "will pick one: different in what they ask (the term, the consequence, the clause to be "
        "completed, a situation, a contrast, a cloze), each of them good by itself and true to the "
        "comment, the best first: none that gives away on its front what the reader wants to recall. "
        'Cards of the same fact carry the same number in `fact`: "1"; a second fact, "2", only if '
        "two separate facts are marked. Fewer good cards are better than more"
    )


def title_of(task: Task) -> str:
    """The document as a model sees it."""
    document = task.document
    who = ", ".join(document.creators[:3])
    about = ", ".join(part for part in (who, document.issued) if part)
    return data(f"{document.title} ({about})" if about else document.title)


def remark_of(task: Task) -> str:
    """What the person said when asking again."""
    return f"The reader asks again, and says: {data(task.remark)}" if task.remark else ""


_WISHES = {
    "definition": "a definition: the term asked for by its description, or the other way round",
    "question": "a question and its answer",
}


def wish_of(task: Task) -> str:
    """What the colour of the marks asks for, in words; "" if nothing special."""
    return _WISHES.get(task.brief.wants, "")


def passage(label: str, highlight: Highlight, wish: str = "") -> str:
    """One highlight between its markers."""
    context = highlight.sentence if highlight.sentence != highlight.exact else ""
    phrases = " | ".join(highlight.exact[start:end] for start, end in highlight.gaps)
    parts = (
        ("heading", highlight.heading),
        ("under", " › ".join(highlight.above)),
        ("before", _from_a_word(highlight.prefix)),
        ("marked", highlight.exact),
        ("sentence", context),
        ("phrases", phrases if phrases != highlight.exact else ""),
        ("after", _to_a_word(highlight.suffix)),
        ("comment", highlight.comment if highlight.instructs else ""),
        ("wanted", wish),
    )
    lines = [f"<{name}>{data(text)}</{name}>" for name, text in parts if text.strip()]
    return "\n".join([f'<highlight h="{label}">', *lines, "</highlight>"])


def _from_a_word(before: str) -> str:
    """Without the end of a word that was cut where the context begins: "…vement of water"."""
    cut, _, rest = before.partition(" ")
    return f"… {rest}" if len(before) >= CONTEXT and rest and cut else before


def _to_a_word(after: str) -> str:
    rest, _, cut = after.rpartition(" ")
    return f"{rest} …" if len(after) >= CONTEXT and rest and cut else after


_MARKER = re.compile(
    r"<(?=\s*/?\s*(?:highlight|heading|under|before|marked|sentence|phrases|after|comment|wanted)\b)",
    re.IGNORECASE,
)


def data(text: str) -> str:
    """Text that cannot close its markers, and that every JSON encoder takes."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return _MARKER.sub("‹", clean)


def characters(request: Body) -> int:
    """How many characters of the reader's material a request carries: all but the rules."""
    messages = request["messages"]
    return sum(len(message["content"]) for message in messages if message["role"] != "system")


# --- the shape of the reply -----------------------------------------------------------------

_STRINGS = ("quote", "front", "back", "text", "why_none")
TAGS: dict[str, tuple[str, ...]] = {
    "bloom": ("remember", "understand", "apply", "analyze", "evaluate", "create"),
    "difficulty": ("easy", "medium", "hard"),
}
"""What a model may be asked to say of a card, and its answers: they become tags."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a reply may hold."""

    kinds: tuple[CardKind, ...]
    """() = nothing can be drawn."""
    candidates: int = 1
    """Cards of one fact to pick from."""
    tags: tuple[str, ...] = ()
    """Names out of `TAGS`."""


def shape_of(task: Task, prompt: Prompt, candidates: int, tags: tuple[str, ...] = ()) -> Shape:
    """The kinds that both the deck file wants and the prompt draws; a question is no cloze."""
    wanted = task.brief.kinds or tuple(CardKind)
    if task.brief.wants == "question":
        wanted = tuple(kind for kind in wanted if kind is not CardKind.CLOZE)
    kinds = tuple(kind for kind in prompt.kinds if kind in wanted)
    return Shape(kinds, candidates, tags)


def barred(task: Task, prompt: Wording) -> str:
    """Why nothing can be drawn for a task, "" if something can."""
    words = prompt.of(task)
    if shape_of(task, words, 1).kinds:
        return ""
    kinds = ", ".join(task.brief.kinds) or "any kind"
    asked = " as a question" if task.brief.wants == "question" else ""
    drawn = ", ".join(words.kinds)
    return f"the deck file wants {kinds}{asked}; the prompt {words.name!r} draws {drawn}"


def reply_schema(shape: Shape) -> dict[str, Any]:
    """The JSON schema of a reply; every key required, so that strict servers take it."""
    kind = {"type": "string", "enum": [*(kind.value for kind in shape.kinds), "none"]}
    properties: dict[str, Any] = {"h": {"type": "string"}}
    if shape.candidates > 1:
        properties["fact"] = {"type": "string"}
    properties |= {"kind": kind, **{name: {"type": "string"} for name in _STRINGS}}
    properties |= {tag: {"type": "string", "enum": list(TAGS[tag])} for tag in shape.tags}
    card = _object(properties)
    return _object({"cards": {"type": "array", "items": card}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def response_format(rung: Rung, schema: dict[str, Any]) -> dict[str, Any]:
    """How a rung asks for the shape, as a field of the body; {} for plain text."""
    named = {"name": "cards", "strict": True, "schema": schema}
    formats: dict[Rung, dict[str, Any]] = {
        Rung.JSON_SCHEMA: {"type": "json_schema", "json_schema": named},
        Rung.JSON_OBJECT_SCHEMA: {"type": "json_object", "schema": schema},
        Rung.JSON_OBJECT: {"type": "json_object"},
    }
    return {"response_format": formats[rung]} if rung in formats else {}


# --- the name of a request ------------------------------------------------------------------


def request_hash(request: Body) -> str:
    """64 hex digits: sha256 of the body's canonical JSON, without host or key."""
    return hashlib.sha256(canonical(request).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(request: Body) -> str:
    """The body as JSON with sorted keys and no blanks."""
    return json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
