"""What a server takes: how strictly it can be asked for a shape, and which fields it refuses.

Four rungs: a JSON schema, the same in another dialect, JSON of any shape, plain text. A server
that refuses one is asked on the next it takes; one that only breaks (500) is asked once without any
shape, and so from then on if that goes well; two replies in a row that could not be read lead
down as well, for some servers accept a schema and do not keep to it. Of the fields that nobody
asked for, those a server refuses are dropped. Both are remembered for its address and model.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any

from ankiforge.draft import Replies
from ankiforge.draft.desk.faults import FORMAT, FieldRefusedError
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.draft.wording.requests import Body, Rung, response_format
from ankiforge.model import h16

OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields that every request has, unless the server refuses them or `extra_body` sets them."""
CAPS = ("max_completion_tokens", "max_tokens")
"""The names under which servers take a limit of the reply, the first that is not refused."""
_TYPES = {
    Rung.JSON_SCHEMA: "json_schema",
    Rung.JSON_OBJECT_SCHEMA: "json_object",
    Rung.JSON_OBJECT: "json_object",
    Rung.TEXT: "text",
}
STALE_DAYS = 14
"""So long a server is believed to take no more than it did."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_IN_A_ROW = 2
"""So many replies that could not be read lead a rung down; so many that could confirm it."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a server is asked."""

    rung: Rung = Rung.JSON_SCHEMA
    dropped: frozenset[str] = frozenset()
    """Fields it refuses."""


FIRST = Form()


class Ladder:
    """Where we stand with one server and model; shared by its threads."""

    def __init__(self, settings: ServerSettings, replies: Replies) -> None:
        self._settings = settings
        self._replies = replies
        self._lock = threading.Lock()
        self._form = remembered_form(settings, replies)
        self._trial = False
        """We are on this rung because of replies that could not be read."""
        self.answered = False
        """The server has answered a request of this form in this run."""
        self._row = 0
        """Replies in a row on this rung that could (> 0) or could not (< 0) be read."""

    @property
    def form(self) -> Form:
        """How to ask now."""
        return self._form

    def refused(self, asked: Form, error: FieldRefusedError) -> None:
        """The server took a request of this form for wrong; the next one is another.

        Raises:
            FieldRefusedError: there is nothing left to do without.
        """
        with self._lock:
            now = self._form
            if error.field == FORMAT:
                if asked.rung is Rung.TEXT:
                    raise error
                if now.rung is asked.rung:
                    self._move(replace(now, rung=_next(now.rung, error.takes)))
            elif error.field not in now.dropped:
                self._move(replace(now, dropped=now.dropped | {error.field}))
        self._remember()

    def take(self, form: Form) -> None:
        """The server takes this form, where it breaks at others."""
        with self._lock:
            self._move(form)
        self._remember()

    def read(self, asked: Form, readable: bool) -> None:
        """A reply to a request of this form could be read, or not."""
        with self._lock:
            if asked.rung is not self._form.rung:
                return
            self._row = max(self._row, 0) + 1 if readable else min(self._row, 0) - 1
            if self._row <= -_IN_A_ROW and asked.rung is not Rung.TEXT:
                self._move(replace(self._form, rung=Rung(asked.rung + 1)))
                self._trial = True
            confirmed = self._trial and self._row >= _IN_A_ROW
        if confirmed:
            self._remember()

    def _move(self, form: Form) -> None:
        self._form, self._row, self._trial, self.answered = form, 0, False, False

    def _remember(self) -> None:
        self._trial = False
        remember_form(self._settings, self._replies, self._form)


def _next(rung: Rung, takes: tuple[str, ...]) -> Rung:
    """The next rung down, the first that the server says it takes."""
    below = [one for one in Rung if one > rung]
    return next((one for one in below if _TYPES[one] in takes), below[0])


# --- remembered -----------------------------------------------------------------------------


def _name(settings: ServerSettings) -> str:
    """Under this name, instead of a hash, the replies remember what a server takes."""
    return f"rung/{h16(settings.base_url, settings.model)}"


def remembered_form(settings: ServerSettings, replies: Replies, today: date | None = None) -> Form:
    """The form that was right the last time: `1 temperature 2026-11-20`.

    The strictest if there was none, or if that is long ago: servers learn.
    """
    today = today or date.today()
    rung, *words = (replies.get(_name(settings)) or "").split() or [""]
    days = [date.fromisoformat(word) for word in words if _DAY.fullmatch(word)]
    old = any((today - day).days > STALE_DAYS for day in days)
    if old or rung not in {str(int(one)) for one in Rung}:
        return FIRST
    return Form(Rung(int(rung)), frozenset(word for word in words if not _DAY.fullmatch(word)))


def remember_form(
    settings: ServerSettings, replies: Replies, form: Form, today: date | None = None
) -> None:
    """Begin with this form the next time."""
    day = (today or date.today()).isoformat()
    said = " ".join([str(int(form.rung)), *sorted(form.dropped), day])
    replies.put(_name(settings), said, model=settings.model, prompt="", tokens_in=0, tokens_out=0)


# --- a request in each form -----------------------------------------------------------------


def shaped(question: Body, form: Form, settings: ServerSettings) -> Body:
    """A request, made for the first rung, in another form."""
    further = {
        name: value
        for name, value in OPTIONS.items()
        if name not in form.dropped and name not in settings.extra_body
    }
    if FORMAT in settings.extra_body:
        return {**question, **further}
    schema = question[FORMAT]["json_schema"]["schema"]
    plain = {name: value for name, value in question.items() if name != FORMAT}
    return {**plain, **response_format(form.rung, schema), **further}


def names(question: Body, settings: ServerSettings, first: Form) -> Iterator[str]:
    """The hash of a request in every form it may have been asked in, the likeliest first."""
    optional = [name for name in OPTIONS if name not in settings.extra_body]
    drops = [
        frozenset(name for name, keep in zip(optional, kept, strict=True) if not keep)
        for kept in product((True, False), repeat=len(optional))
    ]
    rungs = [Rung(0)] if FORMAT in settings.extra_body else list(Rung)
    forms = [Form(rung, dropped) for rung in rungs for dropped in drops]
    digests = _Digests(question)
    likely = Form(first.rung, first.dropped & frozenset(optional))
    for form in (likely, *(form for form in forms if form != likely)):
        yield digests.of(shaped(question, form, settings))


class _Digests:
    """`request_hash` of one question in several forms; what they share is hashed once."""

    def __init__(self, question: Body) -> None:
        self._first = min(FORMAT, *OPTIONS)
        """In the canonical order of fields, all before this are the same in every form."""
        shared = [_field(question, name) for name in sorted(question) if self._old(name)]
        self._shared = hashlib.sha256(_bytes("{" + ",".join(shared)))
        self._comma = "," if shared else ""

    def of(self, request: Body) -> str:
        own = [_field(request, name) for name in sorted(request) if not self._old(name)]
        digest = self._shared.copy()
        digest.update(_bytes((self._comma if own else "") + ",".join(own) + "}"))
        return digest.hexdigest()

    def _old(self, name: str) -> bool:
        return name < self._first


def _field(request: Body, name: str) -> str:
    return f"{_json(name)}:{_json(request[name])}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
