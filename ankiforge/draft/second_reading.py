"""The second reading: a model is asked of each drafted card whether its passage says this.

One request is about up to `MOST` cards. A model asks for them, or a chat, and may find that a
passage says something else. That is a doubt, which the person decides: nothing is blocked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ankiforge.draft.prompt import ModelRequest, Prompt, data, exactly, joined, message
from ankiforge.draft.reply import flat, label_of, objects, on_a_line
from ankiforge.draft.sendable import SendableText, ours
from ankiforge.model import Value

PROMPT = "second-reading"
MOST = 20
_SUPPORTED = "supported"
_VERDICTS = (_SUPPORTED, "changed", "absent")
_LONGEST = 160
"""The number of characters of a doubt that are shown."""
NOTHING_SAID = "nothing of this"


class CardToRead(Value):
    """A card with the passage that it is from, as they may be sent."""

    about: SendableText
    """The title of the document, and the heading."""
    passage: SendableText
    around: SendableText
    """The text around the passage; "" if that says no more."""
    question: SendableText
    """A cloze has `[…]` in its gaps."""
    answer: SendableText


def request_for(cards: Sequence[CardToRead], prompt: Prompt) -> ModelRequest:
    """Return the request about some cards, which are labelled 1, 2, and so on."""
    labelled = {str(number): card for number, card in enumerate(cards, start=1)}
    parts: tuple[ModelRequest, ...] = ()
    if len(cards) > 1:
        parts = tuple(request_for([card], prompt) for card in cards)
    return ModelRequest(
        messages=prompt.messages(_values(labelled)),
        schema=_SCHEMA,
        prompt=prompt.fingerprint,
        parts=parts,
    )


def text_for_chat(labelled: Mapping[str, CardToRead], prompt: Prompt) -> str:
    """Return the text that asks a chat about cards, by their labels."""
    count = f"all {len(labelled)} cards" if len(labelled) > 1 else "the card"
    end = ours(f"Now answer for {count}, with the JSON only, in one code block.")
    messages = (*prompt.messages(_values(labelled)), message("user", end))
    return "\n\n".join(each["content"] for each in messages) + "\n"


_TEXT = {"type": "string"}
_VERDICT = exactly(
    {"h": _TEXT, "verdict": {"type": "string", "enum": [*_VERDICTS]}, "says": _TEXT}
)
_SCHEMA = exactly({"cards": {"type": "array", "items": _VERDICT}})
_EXAMPLE = {"cards": [{"h": "", "verdict": "|".join(_VERDICTS), "says": ""}]}


def _values(labelled: Mapping[str, CardToRead]) -> dict[str, SendableText]:
    """Return the values of the prompt's placeholders."""
    shown = []
    for label, card in labelled.items():
        lines = [f'<highlight h="{label}">']
        for name, text in (
            ("heading", card.about),
            ("around", card.around),
            ("passage", card.passage),
            ("question", card.question),
            ("answer", card.answer),
        ):
            if text.strip():
                lines.append(f"<{name}>{data(text)}</{name}>")
        shown.append(SendableText("\n".join([*lines, "</highlight>"])))
    return {"schema": ours(json.dumps(_EXAMPLE)), "highlights": joined(shown)}


def verdicts_in(reply: str) -> dict[str, str]:
    """Return by label the statement that contradicts a card; "" for a card that is supported.

    A card that the reply leaves out, or judges in other words, is not here.
    """
    verdicts = {}
    for entry in flat(objects(reply), "h"):
        verdict = entry.get("verdict")
        label = label_of(entry)
        if not label or verdict not in _VERDICTS:
            continue
        says = entry.get("says")
        said = on_a_line(says, _LONGEST) if isinstance(says, str) else ""
        verdicts[label] = "" if verdict == _SUPPORTED else said or NOTHING_SAID
    return verdicts
