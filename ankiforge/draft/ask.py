"""Ask one model about highlights: from the replies that are kept, else from its server within the budget.

A reply is kept for each highlight it is about, under the hash of the request that would ask for that
highlight alone, before it is parsed. So nothing is paid for twice, whichever highlights share a request
and in whatever form the server was asked.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ankiforge.draft import Replies
from ankiforge.draft.client import (
    CAPS,
    FORMAT,
    OPTIONS,
    BrokenError,
    Client,
    FieldRefusedError,
)
from ankiforge.draft.prompt import (
    Body,
    Chunk,
    Completion,
    Format,
    Message,
    Wording,
    canonical,
    completion,
    request_body,
    request_hash,
    response_format,
)
from ankiforge.draft.reply import Item, items
from ankiforge.draft.server import Budget, ServerSettings
from ankiforge.errors import ItemError, UsageError
from ankiforge.model import HighlightKey, h16

# --- the form of a request that a server accepts --------------------------------------------------

STALE_DAYS = 14
"""Days after which a refused field is tried again, because servers are updated."""
_TYPES = ("json_schema", "json_object", "json_object", "text")
"""The name of each `Format` in requests."""


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The form of a request that a server accepts."""

    format: Format = Format.JSON_SCHEMA
    dropped: frozenset[str] = frozenset()
    """The fields that the server refuses."""

    def without(self, error: FieldRefusedError) -> RequestForm:
        """Return the next form to try after a refusal.

        Raises:
            FieldRefusedError: nothing more can be left out.
        """
        if error.field != FORMAT:
            return replace(self, dropped=self.dropped | {error.field})
        below = [one for one in Format if one > self.format]
        if not below:
            raise error
        taken = (one for one in below if _TYPES[one] in error.takes)
        return replace(self, format=next(taken, below[0]))

    def apply(self, question: Body, settings: ServerSettings) -> Body:
        """Return a request in this form; `question` is its strictest form."""
        options = {
            name: value
            for name, value in OPTIONS.items()
            if name not in self.dropped and name not in settings.extra_body
        }
        if FORMAT in settings.extra_body:
            return {**question, **options}
        schema = question[FORMAT]["json_schema"]["schema"]
        plain = {name: value for name, value in question.items() if name != FORMAT}
        return {**plain, **response_format(self.format, schema), **options}


def _name(settings: ServerSettings) -> str:
    return f"form/{h16(settings.base_url, settings.model)}"


def load_form(settings: ServerSettings, replies: Replies, today: date | None = None) -> RequestForm:
    """Return the form that the server accepted last; the strictest if none is stored, or it is too old.

    It is stored as `1 temperature 2026-11-20`.
    """
    oldest = ((today or date.today()) - timedelta(STALE_DAYS)).isoformat()
    format_, *dropped = (replies.get(_name(settings)) or "").split() or [""]
    if not dropped or dropped.pop() < oldest:
        return RequestForm()
    return RequestForm(Format(int(format_)), frozenset(dropped))


def save_form(
    settings: ServerSettings, replies: Replies, form: RequestForm, today: date | None = None
) -> None:
    """Store the form for the next run."""
    day = (today or date.today()).isoformat()
    said = " ".join([str(int(form.format)), *sorted(form.dropped), day])
    replies.put(_name(settings), said, model=settings.model, prompt="", tokens_in=0, tokens_out=0)


# --- the reply about one highlight ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, as far as it is about one highlight."""

    said: Completion
    request: str
    """The hash under which it is kept."""
    label: int = 1
    """The label of the highlight in the reply, from 1."""
    of: int = 1
    """The number of highlights that the reply is about."""
    cached: bool = True
    format: Format = Format.JSON_SCHEMA

    @property
    def cut_off(self) -> bool:
        """Whether the reply ended before the model was done."""
        return self.said.finish == "length"

    @property
    def items(self) -> list[Item]:
        """The items about the highlight; none if the last of them may have been cut off."""
        read = items(self.said.content, tuple(map(str, range(1, self.of + 1))))
        labels = list(dict.fromkeys(one.label for one in read))
        if self.cut_off and len(labels) > 1 and labels[-1] == str(self.label):
            return []
        return [one for one in read if one.label == str(self.label)]


_IN_A_ROW = 2
"""After this many unreadable replies in a row the next format is used; as many readable ones confirm it."""


@dataclass(slots=True)
class _Trial:
    """What is known of the current form of requests."""

    answered: bool = False
    """Whether the server has answered a request of this form in this run."""
    tentative: bool = False
    """Whether the form was chosen after unreadable replies and is not confirmed yet."""
    row: int = 0
    """The number of consecutive readable (> 0) or unreadable (< 0) replies."""
    probed: bool = False
    """Whether a failing server was already asked without a format."""


class Asker:
    """Answers questions about highlights from the replies that are kept, else from the server. Thread-safe.

    No request is sent that could exceed the budget. Each new reply is stored before it is parsed.
    """

    def __init__(
        self,
        settings: ServerSettings,
        prompt: Wording,
        replies: Replies,
        *,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Send nothing yet."""
        self.settings, self.prompt = settings, prompt
        self.client = Client(settings)
        self.budget = Budget(settings.price, settings.budget_usd, settings.candidates)
        self.form = load_form(settings, replies)
        """The current form of requests."""
        self._replies, self._offline, self._fresh = replies, offline, fresh
        self._lock, self._probing = threading.Lock(), threading.Lock()
        self._trial = _Trial()

    def body(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Body:
        """Return the request about a chunk in its strictest form."""
        return request_body(chunk, self.settings, self.prompt, further)

    def known(self, chunk: Chunk, further: tuple[Message, ...] = ()) -> Answer | None:
        """Return the reply that is kept for the only highlight of a chunk; None if none is."""
        name = request_hash(self.body(chunk, further))
        kept = None if self._fresh else self._replies.get(name)
        if kept is None:
            return None
        label, of, raw = json.loads(kept)
        said = completion(raw)
        return None if said is None else Answer(said, name, label, of)

    def reply(
        self, chunk: Chunk, further: tuple[Message, ...] = (), *, anew: bool = False
    ) -> dict[HighlightKey, Answer]:
        """Return the replies to a question about a chunk, of which one highlight may be kept.

        `anew`: ask even then.

        Raises:
            ServiceError, ItemError, ConfigError: as `Client.ask`.
            BudgetError: the rest of the budget may not suffice.
            UsageError: `--offline` is given, and the server is on another machine.
        """
        if len(chunk.highlights) == 1 and not anew and (known := self.known(chunk, further)):
            self.budget.count_cached()
            return {chunk.highlights[0].key: known}
        self.prepare()
        question = self.body(chunk, further)
        while True:
            form = self.form
            try:
                return self._paid(chunk, further, question, form)
            except FieldRefusedError as error:
                with self._lock:  # another thread may have got the same answer
                    if self.form.format is form.format and error.field not in self.form.dropped:
                        self._move(self.form.without(error))
                save_form(self.settings, self._replies, self.form)
            except BrokenError:
                # some servers fail on a format they do not know: try plain text once
                if form.format is Format.TEXT or FORMAT in self.settings.extra_body:
                    raise
                with self._probing:
                    if self.form.format is not form.format:
                        continue
                    if self._trial.probed or self._trial.answered:
                        raise
                    self._trial.probed = True
                    plain = replace(form, format=Format.TEXT)
                    try:
                        answers = self._paid(chunk, further, question, plain, once=True)
                    except ItemError:
                        answers = {}
                    if not answers:
                        raise
                    self._move(plain)
                    save_form(self.settings, self._replies, plain)
                    return answers

    def prepare(self) -> None:
        """Check that requests may be sent.

        Raises:
            UsageError: `--offline` is given, and the server is on another machine.
            ConfigError: the key is missing.
        """
        if self._offline and not self.settings.local:
            raise UsageError(
                f"--offline, and the model is at {self.settings.host}",
                hint="use a server on this machine, or --drafter rules",
            )
        self.settings.checked_key()

    def _paid(
        self,
        chunk: Chunk,
        further: tuple[Message, ...],
        question: Body,
        form: RequestForm,
        *,
        once: bool = False,
    ) -> dict[HighlightKey, Answer]:
        """Send one request, keep the reply for each highlight, and count its cost."""
        settings, count = self.settings, len(chunk.highlights)
        request = form.apply(question, settings)
        size = len(canonical(request).encode("utf-8", "replace"))
        own = [value for name in CAPS if isinstance(value := request.get(name), int) and value > 0]
        capped = any(name in settings.extra_body for name in CAPS)
        cap = next((name for name in CAPS if name not in form.dropped and not capped), "")
        with self.budget.reserve(size // 3, count, own[0] if own else 0) as limit:
            sent = {**request, cap: limit} if cap and limit else request
            with self.client.ask(sent, once=once) as raw:
                self._trial.answered = True
                said = completion(raw) or Completion()
                tokens_in = said.tokens_in or size // 4
                tokens_out = said.tokens_out or len(said.content) // 4
                answers: dict[HighlightKey, Answer] = {}
                for label, one in enumerate(chunk.highlights, start=1):
                    name = request_hash(self.body(chunk.only(one), further))
                    tokens = (tokens_in, tokens_out) if label == 1 else (0, 0)
                    self._replies.put(
                        name, json.dumps([label, count, raw]), model=said.model or settings.model,
                        prompt=self.prompt.of(chunk.task).fingerprint,
                        tokens_in=tokens[0], tokens_out=tokens[1],
                    )  # fmt: skip
                    answers[one.key] = Answer(said, name, label, count, False, form.format)
                self.budget.count_new(tokens_in, tokens_out, said.tokens_again, count)
                return answers

    def read(self, answer: Answer, readable: bool) -> None:
        """Record whether a reply was readable: some servers accept a schema but do not follow it."""
        with self._lock:
            format_, row = self.form.format, self._trial.row
            if answer.cached or answer.format is not format_:
                return
            self._trial.row = max(row, 0) + 1 if readable else min(row, 0) - 1
            if self._trial.row <= -_IN_A_ROW and format_ is not Format.TEXT:
                self._move(replace(self.form, format=Format(format_ + 1)))
                self._trial.tentative = True
            proved = self._trial.tentative and self._trial.row >= _IN_A_ROW
        if proved:
            self._trial.tentative = False
            save_form(self.settings, self._replies, self.form)

    def _move(self, form: RequestForm) -> None:
        self.form, self._trial = form, _Trial(probed=self._trial.probed)
