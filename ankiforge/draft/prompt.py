"""Load prompt files and build requests from them.

A prompt is a Markdown file with `{{ name }}` placeholders. A line `---` separates the system
message from the user message; without such a line, the whole file is the user message. Values are
inserted only once, so placeholders within a value are left alone. The rules and examples come first
and stay the same throughout a run, so that servers can cache them. The passages come last, between
markers that no text in a passage can close.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path

from msgspec.structs import replace

from ankiforge.config import find_packaged_directory
from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded
from ankiforge.draft.privacy import (
    SendableHighlight,
    SendableTask,
    SendableText,
    mark_as_sendable,
)
from ankiforge.errors import ConfigError
from ankiforge.model import CardKind, DraftingTask, Json, Texts, Value, hash16
from ankiforge.text import regex

Message = Texts
"""A chat message with its role and content. Created only by `make_message`."""
NO_TEXT = mark_as_sendable("")


def make_message(role: str, content: SendableText) -> Message:
    """Create a chat message."""
    return {"role": role, "content": content}


def format_item_count(count: int, noun: str) -> str:
    """Format the number of items in a request as a phrase, e.g. `all 3 cards` or `the card`."""
    if count == 1:
        return f"the {noun}"
    return f"all {count} {noun}s"


# --- prompt files ---------------------------------------------------------------------


class NoPromptError(ConfigError):
    """Raised when no prompt has the given name."""


PLACEHOLDERS = ("schema", "most", "kinds", "title", "remark", "highlights")
"""The names of all placeholders, which `docs/guides/developers.md#prompts` explains."""
_PLACEHOLDER = regex(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")


class Prompt(Value):
    """A parsed prompt file in which all placeholders are known."""

    name: str
    system: str
    user: str

    @property
    def fingerprint(self) -> str:
        """An identifier that is stored with every draft made with this prompt.

        It consists of the prompt's name, `@`, and the first eight hex digits of its hash.
        """
        content_hash = hash16(self.system, self.user)
        return f"{self.name}@{content_hash[:8]}"

    def render_messages(self, values: Mapping[str, SendableText]) -> tuple[Message, ...]:
        """Fill in the placeholders and return the chat messages, without empty ones."""
        messages = []
        for role, text in (("system", self.system), ("user", self.user)):
            content = fill_placeholders(text, values)
            if content:
                messages.append(make_message(role, content))
        return tuple(messages)


def fill_placeholders(text: str, values: Mapping[str, SendableText]) -> SendableText:
    """Replace the placeholders of a prompt with values, and strip surrounding whitespace."""
    filled = _PLACEHOLDER.sub(lambda place: values[place[1]], text)
    return SendableText(filled.strip())


def load_prompt_file(name: str, workspace: Path | None = None) -> Prompt:
    """Load a prompt from the workspace's `prompts/`, falling back to the built-in one.

    Raises:
        NoPromptError: No such prompt exists.
        ConfigError: The file can't be read, or is invalid.
        OwnFileError: The workspace's file isn't a regular file, or is too large.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise NoPromptError(f"prompt {name!r}: a name has letters, digits and - only")
    folders = [find_packaged_directory("prompts")]
    if workspace:
        folders.insert(0, workspace / "prompts")
    paths = [folder / f"{name}.md" for folder in folders]
    path = next(filter(Path.exists, paths), paths[-1])
    try:
        text = read_bounded(path, MAX_TEXT_FILE_BYTES).decode().replace("\r\n", "\n")
    except FileNotFoundError as error:
        files = [file for folder in folders for file in folder.glob("*.md")]
        names = sorted({file.stem for file in files})
        hint = f"there are: {', '.join(names)}"
        raise NoPromptError(f"no prompt called {name!r}", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse_prompt(text, path)


def parse_prompt(text: str, path: Path) -> Prompt:
    """Parse the text of a prompt file and check its placeholders.

    Raises:
        ConfigError: A placeholder is unknown or missing.
    """
    used_variables = set(_PLACEHOLDER.findall(text))
    unknown = sorted(used_variables - set(PLACEHOLDERS))
    if unknown:
        message = f"{{{{ {unknown[0]} }}}} is not a placeholder"
        raise ConfigError(f"{path}: {message}", hint=f"known: {', '.join(PLACEHOLDERS)}")
    for name in ("schema", "highlights"):
        if name not in used_variables:
            placeholder = f"{{{{ {name} }}}}"
            raise ConfigError(
                f"{path}: {placeholder} is missing", hint=f"add {placeholder}"
            )
    *system, user = re.split(r"(?m)^---[ \t]*\n", text, maxsplit=1)
    return Prompt(path.stem, "".join(system), user)


# --- requests -------------------------------------------------------------------------


class ModelRequest(Value):
    """A request to a model about one or several items: highlights, or cards to compare."""

    messages: tuple[Message, ...]
    schema: Json
    """The JSON schema of the reply. All keys are required, because strict servers demand it."""
    prompt_fingerprint: str
    """The name and hash of the prompt, as in `Prompt.fingerprint`."""
    item_requests: tuple[ModelRequest, ...] = ()
    """A separate request for each item, in order, or () if there is only one item."""

    @property
    def single_item_requests(self) -> tuple[ModelRequest, ...]:
        """A separate request for each item, or just this request if it has only one item.

        The reply about an item is cached under the hash of the item's own request.
        """
        return self.item_requests or (self,)

    def append_messages(self, *messages: Message) -> ModelRequest:
        """Return a copy of this single-item request with more messages at the end."""
        return replace(self, messages=(*self.messages, *messages))

    def to_chat_text(self, instruction: str) -> str:
        """Join the messages into one text for the user to paste into a chat.

        `instruction` is the request in the last sentence, e.g. `answer for the card`.
        """
        ending = mark_as_sendable(
            f"Now {instruction}, with the JSON only, in one code block."
        )
        return f"{self.text}\n\n{ending}\n"

    @property
    def text(self) -> str:
        """All messages as one text, with an empty line between them."""
        return "\n\n".join(message["content"] for message in self.messages)

    @property
    def character_count(self) -> int:
        """The number of characters in the messages, not counting the system prompt."""
        user_messages = (
            message for message in self.messages if message["role"] != "system"
        )
        return sum(len(message["content"]) for message in user_messages)


def build_request(sendable: SendableTask, prompt: Prompt) -> ModelRequest:
    """Build a request that covers every highlight of a task that may be sent."""
    shape = find_reply_shape(sendable.task)
    requested_kind = sendable.task.instructions.requested_kind
    passages = []
    for number, sendable_passage in enumerate(sendable.passages.values(), start=1):
        passages.append(format_highlight(str(number), sendable_passage, requested_kind))
    values = {"title": escape_tags(sendable.title), "highlights": join_texts(passages)}
    if sendable.user_request is not None:
        remark = escape_tags(sendable.user_request)
        values["remark"] = SendableText(f"The reader asks again, and says: {remark}")
    request = build_card_request(prompt, shape, values)
    if len(passages) > 1:
        parts = map(sendable.select_highlights, sendable.highlights)
        requests = tuple(build_request(part, prompt) for part in parts)
        request = replace(request, item_requests=requests)
    return request


def build_card_request(
    prompt: Prompt, shape: ReplyShape, values: Mapping[str, SendableText]
) -> ModelRequest:
    """Build a request for cards, to send to a model or to paste into a chat.

    Args:
        prompt: The prompt.
        shape: The kinds of cards to ask for, and how many.
        values: The values of the placeholders `title` and `highlights`, and optionally of
            `remark` and of any placeholder whose usual value should be replaced.
    """
    all_values = {**build_shape_placeholders(shape), "remark": NO_TEXT, **values}
    return ModelRequest(
        prompt.render_messages(all_values), build_reply_schema(shape), prompt.fingerprint
    )


def join_texts(parts: Iterable[SendableText], separator: str = "\n\n") -> SendableText:
    """Join texts, by default with an empty line between them."""
    return SendableText(separator.join(parts))


def build_shape_placeholders(shape: ReplyShape) -> dict[str, SendableText]:
    """Build the values of the placeholders `schema`, `most` and `kinds` for a shape of reply."""
    kind_rules = [_KIND_RULES[kind] for kind in shape.kinds]
    kind_rules.append("No other kind, whatever the examples show.")
    card_count = "one card, or as many as `<cards>` says, each for another fact"
    if shape.candidate_count > 1:
        card_count = (
            f"up to {shape.candidate_count} quite different cards for the same fact, of which the"
            " reader will pick one: different in what they ask (the term, the consequence, a"
            " contrast, a cloze), the best first. Fewer good cards are better than more"
        )
    card = dict.fromkeys(CARD_KEYS, "")
    card["kind"] = "|".join((*shape.kinds, "none"))
    example = json.dumps({"cards": [card]}, ensure_ascii=False)
    return {
        "schema": mark_as_sendable(example),
        "most": mark_as_sendable(card_count),
        "kinds": mark_as_sendable("\n".join(kind_rules)),
    }


def compute_max_card_count(passage: str) -> int:
    """Return the maximum number of cards for a passage: one per 250 characters, up to four."""
    return min(MAX_FACTS, ceil(len(passage) / _LETTERS_PER_FACT) or 1)


MAX_FACTS = 4
"""The maximum number of facts in a passage that get a card."""
_LETTERS_PER_FACT = 250
ALTERNATIVE_COUNT = 3
"""How many different cards to draft for a fact when the user asks for another draft."""
_KIND_RULES = {
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
_STYLE_BY_LANGUAGE = {
    "de": "gesprochenes Deutsch: kurze Wörter von heute, Verben statt Hauptwörter",
    "fr": "français parlé : des mots courts et courants, des verbes plutôt que des noms",
    "es": "español hablado: palabras cortas y corrientes, verbos en vez de sustantivos",
    "it": "italiano parlato: parole brevi e correnti, verbi invece di sostantivi",
    "pt": "português falado: palavras curtas e correntes, verbos em vez de substantivos",
    "ru": "разговорный русский: короткие обычные слова, глаголы вместо существительных",
}
"""The style of questions by language. For English, the rules in the prompt describe it."""


# A highlight of at most this many words within a sentence is a term to recall.
_MAX_TERM_WORDS = 4
_WANTED_REVISION = (
    "the same card for what the passage says now; it was made when the passage said what is in"
    " `was`; change only what is no longer true"
)
_WANTED_CARD_TEXTS = {
    "definition": "a definition: the term asked for by its description, or the other way round",
    "question": "a question and its answer",
}
_WANTED_MEANING = (
    'the reader looked up the word given as phrase: kind "basic", `front` that word alone, `back`'
    " what it means in this sentence, in at most eight plain words; always a card"
)


def format_highlight(
    label: str, highlight: SendableHighlight, requested_kind: str = ""
) -> SendableText:
    """Format a highlight for a request, as text inside XML-like tags.

    Args:
        label: The label by which the reply refers to the highlight.
        highlight: The parts of the highlight that may be sent.
        requested_kind: The kind of card that the highlight's colour stands for, or "".
    """
    marked = highlight.exact
    phrases = join_texts(highlight.phrases, " | ")
    if _is_term_of_sentence(highlight):
        # if a term were shown alone, the model would ask about it, but as a phrase of its sentence,
        # it becomes the answer
        marked = highlight.sentence
        phrases = highlight.exact
    context = highlight.context
    if context == marked:
        context = NO_TEXT
    if phrases == marked:
        phrases = NO_TEXT
    # in the order in which the prompt explains them; empty ones are left out
    parts = [
        ("cards", _format_max_cards(highlight, marked)),
        ("language", mark_as_sendable(_STYLE_BY_LANGUAGE.get(highlight.language, ""))),
        ("heading", highlight.heading),
        ("under", join_texts(highlight.parent_items, " › ")),
        ("around", context),
        ("marked", marked),
        ("phrases", phrases),
        ("comment", highlight.comment),
    ]
    if highlight.is_looked_up:
        parts.append(("wanted", mark_as_sendable(_WANTED_MEANING)))
    elif requested_kind in _WANTED_CARD_TEXTS:
        wanted = _WANTED_CARD_TEXTS[requested_kind]
        parts.append(("wanted", mark_as_sendable(wanted)))
    for card, was in highlight.outdated_cards:
        parts += [("was", was), ("card", card)]
        parts.append(("wanted", mark_as_sendable(_WANTED_REVISION)))
    return format_tags(label, parts)


def _format_max_cards(highlight: SendableHighlight, marked: SendableText) -> SendableText:
    """Return how many cards the marked text may get, or "" for one."""
    max_cards = compute_max_card_count(marked)
    if highlight.is_looked_up or max_cards == 1:
        return NO_TEXT
    return mark_as_sendable(f"up to {max_cards}")


def _is_term_of_sentence(highlight: SendableHighlight) -> bool:
    """Return whether a highlight without phrases is a short part of its sentence."""
    if highlight.phrases or len(highlight.exact.split()) > _MAX_TERM_WORDS:
        return False
    return highlight.exact in highlight.sentence


def format_tags(label: str, parts: Iterable[tuple[str, SendableText]]) -> SendableText:
    """Format the parts of a passage inside XML-like tags, leaving out empty ones.

    Args:
        label: The label by which the reply refers to the passage.
        parts: The name of each tag with its content.
    """
    lines = [f'<highlight h="{label}">']
    for name, text in parts:
        if text.strip():
            lines.append(f"<{name}>{escape_tags(text)}</{name}>")
    lines.append("</highlight>")
    return SendableText("\n".join(lines))


_MARKER_START = regex(
    r"(?i)<(?=\s*/?\s*(?:highlight|cards|language|heading|under|around|marked|phrases|comment|wanted|was|card"
    r"|passage|question|answer)\b)"
)


def escape_tags(text: SendableText) -> SendableText:
    """Escape the tags that mark passages in a prompt, and replace invalid Unicode.

    A passage can't close the tags around it then.
    """
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return SendableText(_MARKER_START.sub("‹", valid))


# --- the shape of the reply -----------------------------------------------------------


class ReplyShape(Value):
    """The kinds of cards to ask for, and the number of candidates per fact."""

    kinds: tuple[CardKind, ...] = tuple(_KIND_RULES)
    """The kinds of card that may be drafted, or () if none may be."""
    candidate_count: int = 1
    """How many cards to draft for each fact, for the user to choose one."""


def find_reply_shape(task: DraftingTask) -> ReplyShape:
    """Return the kinds of cards that a task allows, and the number of candidates per fact."""
    kinds = list(_KIND_RULES)
    if task.instructions.requested_kind == "question":
        kinds.remove(CardKind.CLOZE)
    if task.instructions.kinds:
        kinds = [kind for kind in kinds if kind in task.instructions.kinds]
    shape = ReplyShape(tuple(kinds))
    if task.keeps_pending_drafts:
        return replace(shape, candidate_count=ALTERNATIVE_COUNT)
    return shape


def explain_no_allowed_kind(task: DraftingTask) -> str:
    """Return the reason why a task allows no kind of card, or "" if it allows one."""
    if find_reply_shape(task).kinds:
        return ""
    return "its colour asks for a question, its deck for clozes"


# The quote comes after the text of the card, because models repeat what they have just copied.
CARD_KEYS = ("h", "kind", "front", "back", "text", "quote", "why_none")
"""The keys of a card in a reply."""


def build_reply_schema(shape: ReplyShape) -> Json:
    """Build the JSON schema for a reply with cards."""
    card: Json = dict.fromkeys(CARD_KEYS, _STRING_SCHEMA)
    card["kind"] = {"type": "string", "enum": [*shape.kinds, "none"]}
    cards = {"type": "array", "items": make_object_schema(card)}
    return make_object_schema({"cards": cards})


_STRING_SCHEMA = {"type": "string"}


def make_object_schema(properties: Json) -> Json:
    """Build the JSON schema for an object with exactly these properties, all required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
