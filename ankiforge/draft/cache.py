"""The cache of replies, by the hash of the request in the form in which it was sent.

Servers differ in the fields they accept, so a question may have been asked in several forms: with a
JSON schema or without, with a temperature or without. A reply to any form counts. The form that a
server accepts is stored with the replies, by its address and the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from ankiforge.draft import Replies
from ankiforge.draft.client import FORMAT, OPTIONS, FieldRefusedError, ServerSettings
from ankiforge.draft.prompt import (
    Body,
    Format,
    canonical,
    response_format,
)
from ankiforge.draft.reply import Completion, completion
from ankiforge.model import h16

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


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, with the request in its actual form."""

    completion: Completion
    request: str
    """The hash of its request."""
    cached: bool = True
    form: RequestForm = field(default_factory=RequestForm)


def find(
    replies: Replies, question: Body, settings: ServerSettings, form: RequestForm
) -> Iterator[Answer]:
    """Yield the cached replies to a question in any form, that to `form` first."""
    for name in hashes(question, settings, form):
        found = completion(replies.get(name) or "")
        if found is not None:
            yield Answer(found, name)


def hashes(question: Body, settings: ServerSettings, first: RequestForm) -> Iterator[str]:
    """Yield the hash of a question in every possible form, starting with `first`."""
    optional = [name for name in OPTIONS if name not in settings.extra_body]
    formats = [Format.JSON_SCHEMA] if FORMAT in settings.extra_body else list(Format)
    likely = RequestForm(first.format, first.dropped & frozenset(optional))
    forms = [RequestForm(one, frozenset(drop)) for one in formats for drop in ([], optional)]
    # fields that come before the first differing one in canonical order are hashed only once
    start = min(FORMAT, *OPTIONS)
    shared = canonical({name: value for name, value in question.items() if name < start})[:-1]
    digest = hashlib.sha256(shared.encode("utf-8", "surrogatepass"))
    for form in dict.fromkeys([likely, *forms]):
        request = form.apply(question, settings)
        own = canonical({name: value for name, value in request.items() if name >= start})[1:]
        copy = digest.copy()
        comma = "," if shared != "{" and own != "}" else ""
        copy.update(f"{comma}{own}".encode("utf-8", "surrogatepass"))
        yield copy.hexdigest()


def _name(settings: ServerSettings) -> str:
    return f"rung/{h16(settings.base_url, settings.model)}"


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
