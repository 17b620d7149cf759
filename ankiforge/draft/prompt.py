"""Prompt files, and the `chat.completions` requests made from them.

A prompt is a Markdown file with a YAML head and `{{ name }}` placeholders:

    ---
    name: cards
    version: 1
    kinds: [cloze, basic, two-way]
    variables: [schema, most, kinds, title, remark, highlights]
    ---
    The rules, the same for every request …
    ---
    The document and its passages …

The system message is above the second `---`, the user's message below it; without it, all is the
user's message. Inserted values are not searched for placeholders. Rules, schema and examples come
first and are the same bytes during a run; passages come last, between markers that their text
cannot close.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec.structs import replace

from ankiforge.draft import asks, private, withheld
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, Highlight, Task, h16
from ankiforge.text.passages import CONTEXT

if TYPE_CHECKING:
    from ankiforge.draft.server import ServerSettings

Body = dict[str, Any]
Message = dict[str, str]

# --- prompt files ---------------------------------------------------------------------------


class NoPromptError(ConfigError):
    """There is no prompt of the given name."""


VARIABLES = ("schema", "most", "kinds", "title", "remark", "highlights")
"""The variables of a prompt; `docs/prompts.md` explains them."""
LARGEST = 200_000
"""The maximum size of a prompt file in bytes."""
_NEEDED = ("highlights", "schema")
_KEYS = ("name", "version", "kinds", "variables")
_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")
_HEAD = re.compile(r"\ufeff?---[ \t]*\n(.*?\n)---[ \t]*\n", re.DOTALL)
_CUT = re.compile(r"^---[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A checked prompt: every placeholder is declared, and every declared variable is known and used."""

    name: str
    version: str
    kinds: tuple[CardKind, ...]
    system: str
    user: str

    @property
    def fingerprint(self) -> str:
        """Return `name@` and a hash of eight hex digits, which is stored with every draft."""
        kinds = ",".join(self.kinds)
        return f"{self.name}@{h16(self.version, kinds, self.system, self.user)[:8]}"

    def of(self, task: Task) -> Prompt:
        """Return this prompt, whatever the task."""
        return self

    def messages(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """Return the chat messages with inserted values; empty ones are omitted."""
        parts = (("system", self.system), ("user", self.user))
        filled = (
            (role, _VARIABLE.sub(lambda name: values[name[1]], text).strip())
            for role, text in parts
        )
        return tuple({"role": role, "content": text} for role, text in filled if text)


@dataclass(frozen=True, slots=True)
class Prompts:
    """All prompts that a run may need, loaded before anything is sent."""

    usual: Prompt
    named: Mapping[str, Prompt]
    """The prompts that deck files name."""

    def of(self, task: Task) -> Prompt:
        """Return the prompt that the deck file of a task names, else the usual one."""
        name = task.brief.prompt
        return self.named[name] if name else self.usual


Wording = Prompt | Prompts
"""Returns the prompt `of` a task."""


def load(name: str, folders: Iterable[Path]) -> Prompt:
    """Load a prompt from the first folder that contains it.

    Raises:
        NoPromptError: there is none.
        ConfigError: its file is invalid.
    """
    looked = tuple(folders)
    if not re.fullmatch(r"[\w-]+", name):
        raise NoPromptError(f"prompt {name!r}: a name has letters, digits and - only")
    for folder in looked:
        path = folder / f"{name}.md"
        if not path.is_file():
            continue
        try:
            if path.stat().st_size > LARGEST:
                raise ConfigError(f"{path}: larger than {LARGEST:,} bytes")
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from error
        return parse(text, path)
    names = sorted({path.stem for folder in looked for path in folder.glob("*.md")})
    raise NoPromptError(f"no prompt called {name!r}", hint=f"there are: {', '.join(names)}")


def parse(text: str, path: Path) -> Prompt:
    """Parse the text of a prompt file.

    Raises:
        ConfigError: with the file and the invalid key or variable.
    """
    match = _HEAD.match(text)
    if match is None:
        raise ConfigError(f"{path}:1: no head", hint="begin with ---, keys, ---; see prompts/")
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        raise ConfigError(f"{path}:{line}: the head is not YAML: {error}") from error
    if not isinstance(head, dict):
        raise ConfigError(f"{path}:1: the head is not a mapping", hint=f"keys: {', '.join(_KEYS)}")
    for key in head:
        if key not in _KEYS:
            raise ConfigError(f"{path}: {key}: unknown key", hint=f"known: {', '.join(_KEYS)}")
    for key in _KEYS:
        if key not in head:
            raise ConfigError(f"{path}: the key {key} is missing from the head")
    body, kinds = text[match.end() :], head["kinds"]
    _check_variables(body, head["variables"], path)
    if (
        not isinstance(kinds, list)
        or not kinds
        or any(kind not in list(CardKind) for kind in kinds)
    ):
        raise ConfigError(f"{path}: kinds: expected a list of values from {', '.join(CardKind)}")
    cut = _CUT.search(body)
    return Prompt(
        name=str(head["name"]),
        version=str(head["version"]),
        kinds=tuple(CardKind(kind) for kind in dict.fromkeys(kinds)),
        system=body[: cut.start()] if cut else "",
        user=body[cut.end() :] if cut else body,
    )


def _check_variables(body: str, declared: object, path: Path) -> None:
    if not isinstance(declared, list) or not all(isinstance(name, str) for name in declared):
        raise ConfigError(f"{path}: variables: expected a list of names")
    used = set(_VARIABLE.findall(body))
    faults = (
        ([name for name in declared if name not in VARIABLES], "is not a known variable"),
        (sorted(used - set(declared)), "is in the text but not declared"),
        ([name for name in declared if name not in used], "is declared but not in the text"),
        ([name for name in _NEEDED if name not in used], "must be in the text"),
    )
    for names, fault in faults:
        if names:
            hint = f"known: {', '.join(VARIABLES)}"
            raise ConfigError(f"{path}: variables: {names[0]!s} {fault}", hint=hint)


# --- which highlights share a request -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chunk:
    """Highlights of one document that share a request."""

    task: Task
    highlights: tuple[Highlight, ...]

    def only(self, *highlights: Highlight) -> Chunk:
        """Return the chunk with only these highlights."""
        return Chunk(self.task, highlights)


def sendable(task: Task) -> tuple[Highlight, ...]:
    """Return the highlights of a task that may be sent to a model.

    If one of the document is private, the others are sent without the text around them, which may
    contain it.
    """
    sent = tuple(highlight for highlight in task.highlights if not withheld(highlight))
    if not (task.discreet or any(private(highlight) for highlight in task.highlights)):
        return sent
    return tuple(map(_bare, sent))


def _bare(highlight: Highlight) -> Highlight:
    return replace(highlight, prefix="", suffix="", sentence="", nearby="", above=())


# --- the body of a request ------------------------------------------------------------------


class Format(IntEnum):
    """How strictly JSON is requested; servers differ in what they accept."""

    JSON_SCHEMA = 0
    JSON_OBJECT_SCHEMA = 1
    JSON_OBJECT = 2
    TEXT = 3


def request_body(
    chunk: Chunk, settings: ServerSettings, prompt: Wording, further: tuple[Message, ...] = ()
) -> Body:
    """Return a request in the strictest format; `further` messages follow those of the prompt."""
    words = prompt.of(chunk.task)
    shape = shape_of(chunk.task, words, settings.candidates)
    wish = wish_of(chunk.task)
    passages = (
        passage(str(label), marked, wish) for label, marked in enumerate(chunk.highlights, start=1)
    )
    values = {
        **rules_of(shape),
        "title": title_of(chunk.task),
        "remark": remark_of(chunk.task),
        "highlights": "\n\n".join(passages),
    }
    made = {"model": settings.model, "messages": [*words.messages(values), *further]}
    return {
        **made,
        **response_format(Format.JSON_SCHEMA, reply_schema(shape)),
        **settings.extra_body,
    }


def rules_of(shape: Shape) -> dict[str, str]:
    """Return the values that are the same for all requests of a shape."""
    kinds = [_HOW[kind] for kind in shape.kinds]
    if len(kinds) < len(CardKind):
        kinds.append("No other kind, whatever the examples show.")
    return {
        "schema": json.dumps(reply_schema(shape), ensure_ascii=False),
        "most": _most(shape.candidates),
        "kinds": "\n".join(kinds),
    }


FACTS = 2
"""The maximum number of facts of a highlight that get cards."""
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
    """Return the document's title, authors and year for the model."""
    document = task.document
    who = ", ".join(document.creators[:3])
    about = ", ".join(part for part in (who, document.issued) if part)
    return data(f"{document.title} ({about})" if about else document.title)


def remark_of(task: Task) -> str:
    """Return the person's remark on asking again."""
    return f"The reader asks again, and says: {data(task.remark)}" if task.remark else ""


_WISHES = {
    "definition": "a definition: the term asked for by its description, or the other way round",
    "question": "a question and its answer",
}


def wish_of(task: Task) -> str:
    """Return what the colour of the marks asks for; "" if nothing special."""
    return _WISHES.get(task.brief.wants, "")


def passage(label: str, highlight: Highlight, wish: str = "", *, plain: bool = False) -> str:
    """Return a highlight between its markers; `plain` omits what reveals the wanted answer."""
    exact, before, after = highlight.exact, highlight.prefix, highlight.suffix
    if len(before) >= CONTEXT:  # cut inside a word: "…vement of water"
        cut, _, rest = before.partition(" ")
        before = f"… {rest}" if rest and cut else before
    if len(after) >= CONTEXT:
        rest, _, cut = after.rpartition(" ")
        after = f"{rest} …" if rest and cut else after
    phrases = " | ".join(exact[start:end] for start, end in highlight.gaps)
    parts = (
        ("heading", highlight.heading),
        ("under", " › ".join(highlight.above)),
        ("before", before),
        ("marked", exact),
        ("sentence", highlight.sentence if highlight.sentence != exact else ""),
        ("phrases", phrases if phrases != exact and not plain else ""),
        ("after", after),
        ("nearby", _NEARBY.sub("‹", highlight.nearby) if asks(highlight) else ""),
        ("comment", highlight.comment if highlight.instructs and not plain else ""),
        ("wanted", wish),
    )
    lines = [f"<{name}>{data(text)}</{name}>" for name, text in parts if text.strip()]
    return "\n".join([f'<highlight h="{label}">', *lines, "</highlight>"])


_NEARBY = re.compile(r"<(?=\s*/?\s*nearby\b)", re.IGNORECASE)
_MARKER = re.compile(
    r"<(?=\s*/?\s*(?:highlight|heading|under|before|marked|sentence|phrases|after|comment|wanted)\b)",
    re.IGNORECASE,
)


def data(text: str) -> str:
    """Return valid Unicode text that cannot close its markers."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return _MARKER.sub("‹", clean)


def characters(request: Body) -> int:
    """Count the characters of the reader's material in a request: all except the rules."""
    messages = request["messages"]
    return sum(len(message["content"]) for message in messages if message["role"] != "system")


# --- the shape of the reply -----------------------------------------------------------------

_STRINGS = ("quote", "front", "back", "text", "why_none")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a reply may contain."""

    kinds: tuple[CardKind, ...]
    """() = nothing can be drafted."""
    candidates: int = 1
    """The number of cards about a fact to choose from."""


def shape_of(task: Task, prompt: Prompt, candidates: int) -> Shape:
    """Return the shape with the kinds that both the deck file and the prompt allow."""
    wanted = task.brief.kinds or tuple(CardKind)
    if task.brief.wants == "question":
        wanted = tuple(kind for kind in wanted if kind is not CardKind.CLOZE)
    kinds = tuple(kind for kind in prompt.kinds if kind in wanted)
    return Shape(kinds, candidates)


def barred(task: Task, prompt: Wording) -> str:
    """Return why no card can be drafted for a task; "" if one can."""
    words = prompt.of(task)
    if shape_of(task, words, 1).kinds:
        return ""
    kinds = ", ".join(task.brief.kinds) or "any kind"
    asked = " as a question" if task.brief.wants == "question" else ""
    drawn = ", ".join(words.kinds)
    return f"the deck file asks for {kinds}{asked}; the prompt {words.name!r} draws {drawn}"


def reply_schema(shape: Shape) -> dict[str, Any]:
    """Return the JSON schema of a reply; all keys are required, as strict servers demand."""
    kind = {"type": "string", "enum": [*(kind.value for kind in shape.kinds), "none"]}
    properties: dict[str, Any] = {"h": {"type": "string"}}
    if shape.candidates > 1:
        properties["fact"] = {"type": "string"}
    properties |= {"kind": kind, **{name: {"type": "string"} for name in _STRINGS}}
    card = object_schema(properties)
    return object_schema({"cards": {"type": "array", "items": card}})


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def response_format(form: Format, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the field of the body that requests a format; {} for plain text."""
    named = {"name": "cards", "strict": True, "schema": schema}
    formats: dict[Format, dict[str, Any]] = {
        Format.JSON_SCHEMA: {"type": "json_schema", "json_schema": named},
        Format.JSON_OBJECT_SCHEMA: {"type": "json_object", "schema": schema},
        Format.JSON_OBJECT: {"type": "json_object"},
    }
    return {"response_format": formats[form]} if form in formats else {}


def canonical(request: Body) -> str:
    """Return the body as JSON with sorted keys and no blanks."""
    return json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def request_hash(request: Body) -> str:
    """Return 64 hex digits: sha256 of the body's canonical JSON, without host or key."""
    return hashlib.sha256(canonical(request).encode("utf-8", "surrogatepass")).hexdigest()


# --- the reply of a server --------------------------------------------------------------------

MOST_TOKENS = 10_000_000
"""The maximum credible number of tokens of a request or reply."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The parts of a `chat.completions` reply that we use."""

    content: str = ""
    finish: str = ""
    refusal: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    """Including reasoning."""
    tokens_again: int = 0
    """The input tokens that were in the server's cache."""


def completion(raw: str) -> Completion | None:
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
    message = message or {"content": choice.get("text")}  # the older completions protocol

    content = _joined(message.get("content"))
    if not content.strip():
        content = _arguments(message)
    if not content and finish == "stop":  # the server took the answer for reasoning
        thought = _joined(message.get("reasoning_content")) or _joined(message.get("reasoning"))
        content = thought if '"cards"' in thought else ""

    usage = _dict(found.get("usage"))
    tokens_in, tokens_out = (
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )
    if tokens_in and tokens_out:  # some servers count reasoning only in the total
        tokens_out = max(tokens_out, _count(usage.get("total_tokens")) - tokens_in)
    again = _count(_dict(usage.get("prompt_tokens_details")).get("cached_tokens"))
    return Completion(
        content,
        str(finish or ""),
        _joined(message.get("refusal")),
        _joined(found.get("model")),
        tokens_in,
        tokens_out,
        min(again, tokens_in),
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _joined(content: Any) -> str:
    """Return a content, which some servers send as a list of parts, as valid Unicode."""
    if isinstance(content, list):
        parts = [_dict(part).get("text") for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    return content.encode("utf-8", "replace").decode("utf-8") if isinstance(content, str) else ""


def _arguments(message: dict[str, Any]) -> str:
    """Return the arguments of the only tool call, where some servers put the answer."""
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else []
    if len(calls) > 1:
        return ""
    called = _dict(calls[0]).get("function") if calls else message.get("function_call")
    said = _dict(called).get("arguments")
    return json.dumps(said, ensure_ascii=False) if isinstance(said, dict | list) else _joined(said)


def _count(tokens: Any) -> int:
    """Return a number of tokens; 0 if the value is not credible."""
    whole = isinstance(tokens, int) and not isinstance(tokens, bool)
    return tokens if whole and 0 < tokens <= MOST_TOKENS else 0
