"""Prompt files, and the questions made from them.

A prompt is a Markdown file with `{{ name }}` placeholders:

    The rules, the same for every request … {{ schema }}
    ---
    The document and its passages … {{ highlights }}

The system message is above the line `---`, the user's message below it; without it, all
is the user's message. Inserted values are not searched for placeholders. Rules and
examples come first and are the same bytes during a run, so that servers keep them;
passages come last, between markers that their text cannot close.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path

from msgspec.structs import replace

from ankiforge.config import shipped
from ankiforge.config.ownfiles import TEXT_BYTES, OwnPath
from ankiforge.draft.sendable import Sendable, SendableTask, SendableText, ours
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, Json, Task, Texts, Value, h16

Message = Texts
"""A message of a chat: its role and its content. Only `message` makes them."""
NOTHING = ours("")


def message(role: str, content: SendableText) -> Message:
    """Return a message of a chat."""
    return {"role": role, "content": content}


# --- prompt files ---------------------------------------------------------------------


class NoPromptError(ConfigError):
    """There is no prompt of the given name."""


VARIABLES = ("schema", "most", "kinds", "title", "remark", "highlights")
"""The placeholders of a prompt; `docs/guides/prompts.md` explains them."""
_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")


class Prompt(Value):
    """A checked prompt: its placeholders are known."""

    name: str
    system: str
    user: str

    @property
    def fingerprint(self) -> str:
        """Return `name@` and a hash of eight hex digits, which is stored with every draft."""
        digest = h16(self.system, self.user)
        return f"{self.name}@{digest[:8]}"

    def messages(self, values: Mapping[str, SendableText]) -> tuple[Message, ...]:
        """Return the chat messages with inserted values; empty ones are omitted."""
        messages = []
        for role, text in (("system", self.system), ("user", self.user)):
            content = filled(text, values)
            if content:
                messages.append(message(role, content))
        return tuple(messages)


def filled(text: str, values: Mapping[str, SendableText]) -> SendableText:
    """Return a text of a prompt with inserted values, stripped."""
    filled = _VARIABLE.sub(lambda place: values[place[1]], text)
    return SendableText(filled.strip())


def load(name: str, workspace: Path | None = None) -> Prompt:
    """Load a prompt from the `prompts/` of a workspace, else a shipped one.

    Raises:
        NoPromptError: there is none.
        ConfigError: its file is invalid.
        OwnFileError: the workspace's file is a link, no regular file, or too large.
    """
    return parse(*read_prompt(name, workspace))


def read_prompt(name: str, workspace: Path | None = None) -> tuple[str, Path]:
    """Return the text of a prompt file and its path: of a workspace, else as shipped.

    Raises:
        NoPromptError: there is none.
        ConfigError: it cannot be read.
        OwnFileError: the workspace's file is a link, no regular file, or too large.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise NoPromptError(f"prompt {name!r}: a name has letters, digits and - only")
    folder = OwnPath(workspace) / "prompts" if workspace else None
    own_file_path = folder / f"{name}.md" if folder else None
    path = shipped("prompts") / f"{name}.md"
    try:
        if own_file_path and own_file_path.is_there():
            path = own_file_path.path
            content = own_file_path.read(TEXT_BYTES)
        else:
            content = path.read_bytes()
        text = content.decode().replace("\r\n", "\n")
    except FileNotFoundError as error:
        files = list(shipped("prompts").glob("*.md"))
        if folder:
            files += (file.path for file in folder.listed(".md"))
        names = sorted({file.stem for file in files})
        hint = f"there are: {', '.join(names)}"
        raise NoPromptError(f"no prompt called {name!r}", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return text, path


def parse(text: str, path: Path) -> Prompt:
    """Parse the text of a prompt file.

    Raises:
        ConfigError: with the file and the invalid placeholder.
    """
    used_variables = set(_VARIABLE.findall(text))
    unknown = sorted(used_variables - set(VARIABLES))
    if unknown:
        message = f"{{{{ {unknown[0]} }}}} is not a placeholder"
        raise ConfigError(f"{path}: {message}", hint=f"known: {', '.join(VARIABLES)}")
    for name in ("schema", "highlights"):
        if name not in used_variables:
            placeholder = f"{{{{ {name} }}}}"
            raise ConfigError(
                f"{path}: {placeholder} is missing", hint=f"add {placeholder}"
            )
    *system, user = re.split(r"(?m)^---[ \t]*\n", text, maxsplit=1)
    return Prompt(path.stem, "".join(system), user)


# --- the question ---------------------------------------------------------------------


class ModelRequest(Value):
    """The messages to a model about some highlights, or about some cards that it is to compare."""

    messages: tuple[Message, ...]
    schema: Json
    """The JSON schema of the reply; all keys are required, as strict servers demand."""
    prompt: str
    """`name@fingerprint`."""
    parts: tuple[ModelRequest, ...] = ()
    """The questions about each thing alone, in their order; () = this one is about one thing."""

    @property
    def each(self) -> tuple[ModelRequest, ...]:
        """Return the question about each thing alone, under which its reply is kept."""
        return self.parts or (self,)

    def and_then(self, *further: Message) -> ModelRequest:
        """Return the question about one thing with messages that follow."""
        return replace(self, messages=(*self.messages, *further))

    @property
    def characters(self) -> int:
        """Return the number of characters of the reader's material: all except the rules."""
        from_reader = (
            message for message in self.messages if message["role"] != "system"
        )
        return sum(len(message["content"]) for message in from_reader)


def question(sendable: SendableTask, prompt: Prompt) -> ModelRequest:
    """Return the question about the highlights of a task that may be sent."""
    shape = shape_of(sendable.task)
    wants = sendable.task.brief.wants
    passages = []
    for number, shown in enumerate(sendable.passages.values(), start=1):
        passages.append(passage(str(number), shown, wants))
    remark = NOTHING
    if sendable.task.remark:
        said = data(sendable.remark)
        remark = SendableText(f"The reader asks again, and says: {said}")
    values = {
        **rules_of(shape),
        "title": data(sendable.title),
        "remark": remark,
        "highlights": joined(passages),
    }
    parts: tuple[ModelRequest, ...] = ()
    if len(passages) > 1:
        parts = tuple(
            question(sendable.only(highlight), prompt)
            for highlight in sendable.highlights
        )
    return ModelRequest(
        messages=prompt.messages(values),
        schema=reply_schema(shape),
        prompt=prompt.fingerprint,
        parts=parts,
    )


def joined(parts: Iterable[SendableText], separator: str = "\n\n") -> SendableText:
    """Join texts, by empty lines if nothing else is given."""
    return SendableText(separator.join(parts))


def rules_of(shape: Shape) -> dict[str, SendableText]:
    """Return the values that are the same for all requests of a shape."""
    kinds = [_HOW[kind] for kind in shape.kinds]
    if len(kinds) < len(CardKind):
        kinds.append("No other kind, whatever the examples show.")
    how_many = "one card, or as many as `<cards>` says, each for another fact"
    if shape.candidates > 1:
        how_many = (
            f"up to {shape.candidates} quite different cards for the same fact, of which the"
            " reader will pick one: different in what they ask (the term, the consequence, a"
            " contrast, a cloze), the best first. Fewer good cards are better than more"
        )
    kind_names = "|".join((*shape.kinds, "none"))
    card = {name: kind_names if name == "kind" else "" for name in PARTS}
    example = json.dumps({"cards": [card]}, ensure_ascii=False)
    return {
        "schema": ours(example),
        "most": ours(how_many),
        "kinds": ours("\n".join(kinds)),
    }


def most_cards(passage: str) -> int:
    """Return how many facts of a passage may get a card: one per begun 250 letters, up to four."""
    return min(_MOST_FACTS, ceil(len(passage) / _LETTERS_OF_A_FACT) or 1)


_MOST_FACTS = 4
"""The facts of a passage that are asked about."""
_LETTERS_OF_A_FACT = 250
OTHERS = 3
"""The number of different cards that are drafted if a person asks again."""
_HOW = {
    CardKind.CLOZE: (
        'kind "cloze": in `text` a short sentence that stands alone, the answer in it'
        " written {{c1::answer}}: one gap of at most five words."
    ),
    CardKind.BASIC: ('kind "basic": in `front` the question; in `back` the answer.'),
    CardKind.TWO_WAY: (
        'kind "two-way": in `front` the term with its field in brackets, in `back` its'
        " definition in at most 15 words without the term; only for a term that is worth"
        " asking both ways."
    ),
}
_SPOKEN = {
    "de": "gesprochenes Deutsch: kurze Wörter von heute, Verben statt Hauptwörter",
    "fr": "français parlé : des mots courts et courants, des verbes plutôt que des noms",
    "es": "español hablado: palabras cortas y corrientes, verbos en vez de sustantivos",
    "it": "italiano parlato: parole brevi e correnti, verbi invece di sostantivi",
    "pt": "português falado: palavras curtas e correntes, verbos em vez de substantivos",
    "ru": "разговорный русский: короткие обычные слова, глаголы вместо существительных",
}
"""How questions are to sound in the language of their passage; for English, the rules say it."""


_TERM_WORDS = 4
"""The number of words up to which a mark within a sentence is a term to recall."""
_WISHES = {
    "definition": "a definition: the term asked for by its description, or the other way round",
    "question": "a question and its answer",
}


def is_term(marked: str, sentence: str) -> bool:
    """Return whether a mark is a term, which a request shows as a phrase of its sentence."""
    few = len(marked.split()) <= _TERM_WORDS
    return few and marked in sentence and marked != sentence


def passage(
    label: str,
    shown: Sendable,
    wants: str = "",
) -> SendableText:
    """Return a highlight between its markers.

    Args:
        label: its label in the reply.
        shown: the highlight.
        wants: what the colour of the mark asks for.
    """
    # readers of PDFs and e-books mark a term alone: as the marked text, it would be the subject of
    # the card; as a phrase of its sentence, it is the answer
    marked = shown.marked
    phrases = joined(shown.phrases, " | ")
    if phrases == marked:
        phrases = NOTHING
    if not shown.phrases and is_term(marked, shown.sentence):
        phrases = marked
        marked = shown.sentence
    most = most_cards(marked)
    language = shown.language
    parts = (
        ("cards", ours(f"up to {most}" if most > 1 else "")),
        ("language", ours(_SPOKEN.get(language, ""))),
        ("heading", shown.heading),
        ("under", joined(shown.under, " › ")),
        ("around", NOTHING if shown.around == marked else shown.around),
        ("marked", marked),
        ("phrases", phrases),
        ("comment", shown.comment),
        ("wanted", ours(_WISHES.get(wants, ""))),
    )
    lines = []
    for name, text in parts:
        if text.strip():
            lines.append(f"<{name}>{data(text)}</{name}>")
    return SendableText("\n".join([f'<highlight h="{label}">', *lines, "</highlight>"]))


_MARKER = re.compile(
    r"(?i)<(?=\s*/?\s*(?:highlight|cards|language|heading|under|around|marked|phrases|comment|wanted"
    r"|passage|question|answer)\b)"
)


def data(text: SendableText) -> SendableText:
    """Return valid Unicode text that cannot close its markers."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return SendableText(_MARKER.sub("‹", valid))


# --- the shape of the reply -----------------------------------------------------------


class Shape(Value):
    """The kinds and the number of cards of a reply."""

    kinds: tuple[CardKind, ...] = tuple(_HOW)
    """() = nothing can be drafted."""
    candidates: int = 1
    """The number of cards about a fact to choose from."""


def shape_of(task: Task) -> Shape:
    """Return the shape with the kinds that the deck file allows."""
    kinds = list(_HOW)
    if task.brief.wants == "question":
        kinds.remove(CardKind.CLOZE)
    if task.brief.kinds:
        kinds = [kind for kind in kinds if kind in task.brief.kinds]
    return Shape(tuple(kinds), OTHERS if task.beside else 1)


def reason_no_kind_fits(task: Task) -> str:
    """Return why no card can be drafted for a task; "" if one can."""
    if shape_of(task).kinds:
        return ""
    return "its colour asks for a question, its deck for clozes"


# The quote comes after the card's own words: what was just copied is copied again.
PARTS = ("h", "kind", "front", "back", "text", "quote", "why_none")
"""The parts of a card in a reply."""


def reply_schema(shape: Shape) -> Json:
    """Return the JSON schema of cards."""
    kinds = {"type": "string", "enum": [*shape.kinds, "none"]}
    card = {name: kinds if name == "kind" else _TEXT for name in PARTS}
    cards = {"type": "array", "items": exactly(card)}
    return exactly({"cards": cards})


_TEXT = {"type": "string"}


def exactly(properties: Json) -> Json:
    """Return the schema of an object with these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
