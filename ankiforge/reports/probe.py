"""Draws one card with the configured model, the way a run would, and sees what the server keeps to.

A passage of our own goes out, nothing of the reader's; nothing is remembered. The shape is asked
for once more in a question that tempts the model to answer otherwise: a server that only accepts
a schema, and does not hold the model to it, gives itself away.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ankiforge import check
from ankiforge.errors import ItemError
from ankiforge.model import (
    Document,
    DocumentKey,
    Draft,
    Highlight,
    HighlightKey,
    HighlightKind,
    Severity,
    Task,
)

if TYPE_CHECKING:
    from ankiforge.draft.cache import RequestForm
    from ankiforge.draft.client import ServerSettings
    from ankiforge.draft.prompt import Wording

PATIENCE_S = 120.0
"""So long `doctor` waits for an answer; a run may wait longer."""
PASSAGE = "Hermann Ebbinghaus published his experiments on the forgetting curve in 1885."


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a server made of one passage."""

    card: str
    """Its words; "" if there is none."""
    fault: str
    """Why it would not be ready; "" if it would."""
    shape: str
    """How it could be asked for the shape of a reply, and whether it kept to it."""
    dropped: tuple[str, ...]
    """Fields it does not take."""
    seconds: float
    """For the one reply."""
    tokens_a_second: float
    """0 if the server does not count."""
    cost_usd: float | None
    """Of the whole look."""


class _Forgetful:
    """Replies that nobody keeps but for this look."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def get(self, request: str) -> str | None:
        return self._kept.get(request)

    def put(self, request: str, raw: str, **_: Any) -> None:
        self._kept[request] = raw


def draw(settings: ServerSettings, prompt: Wording, limits: check.Limits) -> Drawn:
    """Ask for one card.

    Raises:
        ServiceError, ConfigError, ItemError: as drafting does.
    """
    import openai  # noqa: F401  (its import takes longer than many a reply)

    from ankiforge.draft.cache import load_form
    from ankiforge.draft.llm import Model

    patience = min(settings.silence_s, PATIENCE_S)
    settings = replace(settings, candidates=1, concurrency=1, per_request=1, retries=1)
    settings = replace(settings, timeout_s=patience)
    kept, highlight = _Forgetful(), _highlight()
    model = Model(settings, kept, prompt)
    began = time.monotonic()
    [drafted] = model.draft(iter([Task(highlight.document, (highlight,))]))
    seconds, used = time.monotonic() - began, model.usage
    if drafted.failed and not used.requests:
        raise ItemError(drafted.failed[0][1])
    form = load_form(settings, kept)
    shape, more = _shape(settings, form)
    each = max(used.requests, 1)
    return Drawn(
        card=_words(drafted.drafts[0]) if drafted.drafts else "",
        fault=_fault(drafted.drafts, highlight, limits, *drafted.failed, *drafted.no_cards),
        shape=shape,
        dropped=tuple(sorted(form.dropped)),
        seconds=seconds / each,
        tokens_a_second=used.tokens_out / seconds if seconds else 0.0,
        cost_usd=None if used.cost_usd is None else used.cost_usd + (settings.cost(*more) or 0.0),
    )


def _highlight() -> Highlight:
    paper = Document(DocumentKey("doctor"), source="doctor", title="Memory")
    key = HighlightKey("doctor:1")
    kind = HighlightKind.HIGHLIGHT
    return Highlight(paper, "doctor", kind, PASSAGE, key=key, sentence=PASSAGE)


def _words(draft: Draft) -> str:
    return " → ".join(" ".join(text.split()) for _, text in draft.fields if text)[:160]


def _fault(
    drafts: tuple[Draft, ...], highlight: Highlight, limits: check.Limits, *without: Any
) -> str:
    """Why no card of these would be ready."""
    if not drafts:
        one = without[0] if without else "no answer"
        why = str(one[1] if isinstance(one, tuple) else getattr(one, "reason", one))
        return why.partition("; ask again with")[0]  # its highlight is in no workspace
    findings = check.check(
        drafts[0], check.Context(highlight, check.DuplicateIndex(), limits=limits)
    )
    blocks = (found.message for found in findings if found.severity is Severity.BLOCK)
    return next(blocks, "")


# --- the shape of a reply -------------------------------------------------------------------

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["blue", "green"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
_TEMPTING = "Write the word apple, and nothing else. No JSON, no quotation marks."
_NAMES = ("json_schema", "json_object with a schema", "json_object", "plain text")


def _shape(settings: ServerSettings, form: RequestForm) -> tuple[str, tuple[int, int]]:
    """(what the server keeps to, (tokens in, out) of finding it out)."""
    from ankiforge.draft.client import Client
    from ankiforge.draft.prompt import Format, response_format
    from ankiforge.draft.reply import Completion, completion

    name = _NAMES[form.format]
    if form.format is Format.TEXT or "response_format" in settings.extra_body:
        return f"{name}: each reply is checked here", (0, 0)
    messages = [{"role": "user", "content": f"{_TEMPTING} (JSON)"}]
    asked = {"model": settings.model, "messages": messages, **settings.extra_body}
    asked |= response_format(Format.JSON_SCHEMA, _SCHEMA)
    client = Client(settings)
    try:
        with client.ask(form.apply(asked, settings)) as raw:
            found = completion(raw) or Completion()
    except ItemError:
        return f"{name}: taken", (0, 0)
    finally:
        client.stop()
    fits = _is_json if form.format is Format.JSON_OBJECT else _fits
    return f"{name}: {_kept(fits(found.content))}", (found.tokens_in, found.tokens_out)


def _kept(yes: bool) -> str:
    return "kept" if yes else "taken but not kept; each reply is checked here"


def _is_json(said: str) -> bool:
    try:
        return isinstance(json.loads(said), dict)
    except (ValueError, RecursionError):
        return False


def _fits(said: str) -> bool:
    return _is_json(said) and json.loads(said) in ({"colour": "blue"}, {"colour": "green"})
