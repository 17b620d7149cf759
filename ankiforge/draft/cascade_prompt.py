"""The prompt of the cascade, and the two questions that are made of it for a passage.

`prompts/cascade.md` has four parts, separated by lines `---`: the rules, which are the system
message; the passage; the instruction to write a question; the one to answer it. Both requests
about a passage begin with the same rules and the same passage, so that a server that keeps what it
has read reads them once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ankiforge.draft.prompt import Question, data, filled, message, read_prompt
from ankiforge.draft.sendable import Sendable, SendableText, ours
from ankiforge.errors import ConfigError
from ankiforge.language.recognition import NAMES, language_of
from ankiforge.model import CASCADE, Json, Value, h16
from ankiforge.text.fold import locate

LONGEST_QUESTION = 200
LONGEST_ANSWER = 160
"""The characters of what the model may write, where a server follows the schema."""
_WINDOW = 900
"""The characters of a paragraph that a small model reads."""
_BESIDE = 400
"""How many characters of them are before the marked words."""
_PARTS = ("rules", "passage", "question", "answer")
_VARIABLES: Mapping[str, frozenset[str]] = {
    "rules": frozenset(),
    "passage": frozenset(("heading", "text")),
    "question": frozenset(("language", "sentence", "answer")),
    "answer": frozenset(("question",)),
}
_NEEDED = {"text", "answer", "question"}
_VARIABLE = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")


class CascadePrompt(Value):
    """The checked prompt of the cascade."""

    rules: str
    passage: str
    question: str
    answer: str

    @property
    def fingerprint(self) -> str:
        """Return `cascade@` and a hash of eight hex digits, which is stored with every draft."""
        return (
            f"{CASCADE}@{h16(self.rules, self.passage, self.question, self.answer)[:8]}"
        )

    def ask_for_question(
        self, shown: Sendable, sentence: SendableText, answer: SendableText
    ) -> Question:
        """Return the demand to write the question to an answer.

        Args:
            shown: the passage.
            sentence: the sentence in which the answer is.
            answer: the answer.
        """
        # the prompt is in English; without this, small models ask in English of a German passage
        name = language_of(shown.around, shown.marked)
        language = ""
        if name in NAMES and name != "en":
            language = f" in {NAMES[name]}"
        values = {
            "language": ours(language),
            "sentence": data(sentence),
            "answer": data(answer),
        }
        demand = filled(self.question, values)
        return self._demand(shown, demand, reply_schema("question", LONGEST_QUESTION))

    def ask_for_answer(self, shown: Sendable, question: SendableText) -> Question:
        """Return the demand to answer a question from the passage."""
        demand = filled(self.answer, {"question": data(question)})
        return self._demand(shown, demand, reply_schema("answer", LONGEST_ANSWER))

    def _demand(self, shown: Sendable, demand: SendableText, schema: Json) -> Question:
        # the paragraph; of a long one, the part around the mark
        around = shown.around or shown.marked
        if len(around) > _WINDOW:
            span = locate(shown.marked, around)
            start = max(0, span[0] - _BESIDE) if span else 0
            end = max(start + _WINDOW, span[1] if span else 0)
            around = SendableText(around[start:end])
        values = {"heading": data(shown.heading), "text": data(around)}
        passage = filled(self.passage, values)
        messages = (
            message("system", ours(self.rules.strip())),
            message("user", SendableText(f"{passage}\n{demand}")),
        )
        return Question(messages=messages, schema=schema, prompt=self.fingerprint)


def reply_schema(name: str, longest: int) -> Json:
    """Return the JSON schema of an object with one string."""
    return {
        "type": "object",
        "properties": {name: {"type": "string", "maxLength": longest}},
        "required": [name],
        "additionalProperties": False,
    }


# --- the file -------------------------------------------------------------------------


def load_cascade(workspace: Path | None = None) -> CascadePrompt:
    """Load the prompt from the `prompts/` of a workspace, else the shipped one.

    Raises:
        ConfigError: the file is invalid.
        OwnFileError: the workspace's file is a link, no regular file, or too large.
    """
    text, path = read_prompt(CASCADE, workspace)
    parts = re.split(r"(?m)^---[ \t]*\n", text)
    if len(parts) != len(_PARTS):
        message = f"{path}: it has {len(parts)} parts separated by lines `---`"
        hint = (
            "it needs four: the rules, the passage, the instruction to write a question, and"
            " the one to answer it"
        )
        raise ConfigError(message, hint=hint)
    by_name = dict(zip(_PARTS, parts, strict=True))
    used = set[str]()
    for name, part in by_name.items():
        variables = set(_VARIABLE.findall(part))
        unknown = sorted(variables - _VARIABLES[name])
        if unknown:
            known = ", ".join(sorted(_VARIABLES[name])) or "none"
            message = f"{path}: {{{{ {unknown[0]} }}}} is not a placeholder of its {name}"
            raise ConfigError(message, hint=f"known there: {known}")
        used |= variables
    for name in sorted(_NEEDED - used):
        placeholder = f"{{{{ {name} }}}}"
        raise ConfigError(f"{path}: {placeholder} is missing", hint=f"add {placeholder}")
    return CascadePrompt(**by_name)
