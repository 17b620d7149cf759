"""What a server means by an answer that is not a chat completion.

Servers report errors in many shapes: with a status or with 200, in JSON of several
kinds, as text, or as a web page. `_TABLE` says by status and words what is done about
each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container
from typing import Any, NamedTuple

from ankiforge.draft.completion import Completion
from ankiforge.draft.request_form import FORMAT, OPTIONS, FieldRefusedError
from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ItemError, ServiceError
from ankiforge.model import Texts, Value
from ankiforge.text.secrets import without_secret

# --- errors ---------------------------------------------------------------------------


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


AGAIN = "run again: what was answered is kept"
MONEY = "the account is out of credit; add credit and run again, nothing is lost"
_NO_MONEY = (
    r"insufficient[_ ](?:quota|credits?|balance|funds)|credit balance is too low"
    r"|billing_hard_limit|billing_not_active|exceeded_current_quota"
)
_BAD_KEY = (
    r"api[_ ]key[_ ]invalid|api key (?:not valid|expired)|(?:invalid"
    r"|incorrect)[_ ]api[_ ]key"
    r"|invalid_authentication"
)
_NO_MODEL = (
    r"model_not_found|not a valid model|model [^.]{0,80}(?:not found|does not exist"
    r"|not loaded)"
    r"|no models? (?:is |are )?loaded|invalid[_ ]model"
)
_TOO_LONG = (
    r"context_length_exceeded|context (?:length|window|size)|maximum context"
    r"|too many tokens"
    r"|prompt is too long|exceeds? the (?:available )?context|input is too long"
    r"|token count.{0,40}exceeds|maximum number of tokens|request too large"
    r"|string too long"
)
_MODERATED = r"moderation|flagged|content.?policy|safety"
_FORMAT = (
    r"response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)


class _Case(NamedTuple):
    """A row of the table: what is done about an error."""

    statuses: Container[int]
    words: str
    """A pattern that the body must contain; "" = any body."""
    error: type[ItemError | ServiceError] | None
    """None = `openai` asks again."""
    hint: str = ""


_TABLE = (
    _Case((402,), "", ServiceError, MONEY),
    _Case(range(600), _NO_MONEY, ServiceError, MONEY),
    _Case((400, 404, 415, 422, 500, 501, 503), "", FieldRefusedError),
    _Case((413,), "", TooLongError),
    _Case((400, 422, 500), _TOO_LONG, TooLongError),
    _Case((403,), _MODERATED, ItemError),
    _Case((401, 403), "", ServiceError, "{key}"),
    _Case((400,), _BAD_KEY, ServiceError, "{key}"),
    _Case((404, 405, 410), "", ServiceError, "{model}"),
    _Case(range(500), _NO_MODEL, ServiceError, "{model}"),
    _Case(
        range(300, 400),
        "",
        ServiceError,
        "the server redirects{to}: set llm.base_url to that",
    ),
    _Case((408, 409, 423, 425, 429, *range(500, 600)), "", None),
    _Case(range(1000), "", ItemError),
)
"""The first row that fits counts.

That of `FieldRefusedError` fits if the server names a field that can be left out.
"""


def refusal(
    settings: ServerSettings,
    status: int,
    text: str,
    headers: Texts,
    sent: Any,
) -> Exception | None:
    """Return the exception for an error status; None if the request may be sent again.

    Args:
        settings: the server.
        status: the status of the answer, or the one in its body.
        text: the body.
        headers: `location`.
        sent: the body of the request.
    """
    complaint = Complaint.parse(text)
    words = f"{settings.host} answers {status}: {complaint.words or 'no reason given'}"
    for case in _TABLE:
        if status not in case.statuses:
            continue
        if not re.search(case.words, complaint.whole, re.IGNORECASE):
            continue
        if case.error is None:
            return None
        if case.error is ServiceError:
            return ServiceError(words, hint=_hint(case.hint, settings, headers))
        if case.error is not FieldRefusedError:
            return case.error(words)
        field = _refused_field(complaint.whole, sent, settings)
        if field:
            return FieldRefusedError(words, field)
    raise AssertionError(status)


def is_loading_model(text: str) -> bool:
    """Return whether a server says, in an answer of status 503, that it loads its model."""
    return (
        re.search(r"(?i)\bload(?:ing|s)\b.{0,20}\bmodel\b", text[:_LONGEST]) is not None
    )


def _refused_field(body: str, sent: Any, settings: ServerSettings) -> str:
    """Return the field of a request that an error names and that can be left out; "" if none."""
    for name in OPTIONS:
        is_ours = name in sent and name not in settings.extra_body
        if is_ours and re.search(rf"(?<!\w){name}(?!\w)", body):
            return name
    if FORMAT in sent and re.search(_FORMAT, body, re.IGNORECASE):
        return FORMAT
    return ""


def _hint(template: str, settings: ServerSettings, headers: Texts) -> str:
    """Return a hint of the table with what it says about key, model and address."""
    location = without_secret(headers.get("location", ""), settings.key)
    address = location.removesuffix("/chat/completions")[:200]
    return template.format(
        key=_key_hint(settings),
        model=f"does this server have the model {settings.model!r}, and is base_url right?",
        to=f" ({address})" if address.startswith("http") else "",
    )


def _key_hint(settings: ServerSettings) -> str:
    """Return what to do about a missing or wrong key."""
    if settings.key_name:
        return f"check the key in the environment variable {settings.key_name}"
    return (
        "no key was sent: write `key_env: NAME` under `llm:`, NAME being the environment"
        f" variable that holds the key, then: ankiforge init --trust {settings.workspace}"
    )


# --- the body of an error -------------------------------------------------------------

_SAID = re.compile(
    r'"(?:error|message|errors|msg|error_description|detail|title)"\s*:\s*\[?'
    r'"((?:[^"\\]|\\.){1,2000})"'
)
_STATUS = re.compile(r'"(?:code|status|error_code)"\s*:\s*"?([45]\d\d)\b')
# The number of characters of a body that are read, and of its words that are shown.
_LONGEST = 20_000
_SHOWN = 300


class Complaint(Value):
    """The content of an error body of any shape: OpenAI's, LM Studio's, FastAPI's, a web page's."""

    words: str
    whole: str = ""
    """The body, as far as it is searched for codes and fields."""
    status: int = 0
    """The HTTP status in the body; 0 if there is none."""

    @classmethod
    def parse(cls, text: str) -> Complaint:
        """Parse the body of an error. Never raises."""
        # the error of a provider may be forwarded as text
        whole = text[:_LONGEST].replace('\\"', '"')
        is_json = whole.lstrip()[:1] in ("{", "[")
        if not is_json and "<" in text[:200]:
            return cls("a web page")
        if not is_json:
            return cls(on_a_line(text), whole)
        messages: dict[str, None] = {}
        for words in _SAID.findall(whole):
            messages[on_a_line(words.replace("\\n", " "))] = None
        status = _STATUS.search(whole)
        return cls(
            words=": ".join(messages)[:_SHOWN],
            whole=whole,
            status=int(status[1]) if status else 0,
        )


def on_a_line(value: object) -> str:
    """Return the beginning of what a server says, on one line."""
    return " ".join(str(value).split())[:_SHOWN]


# --- errors with status 200 -----------------------------------------------------------

NO_COMPLETION = "no chat completion"


def disguised(raw: str) -> tuple[int, str] | None:
    """Return (status, body) of the error in an answer of status 200; None if it is a completion.

    OpenRouter sends errors with status 200 or inside a choice, and others send login
    pages.
    """
    text = raw
    completion = Completion.parse(raw)
    if completion:
        if completion.finish != "error" or completion.content:
            return None
        choice = json.loads(raw, strict=False)["choices"][0]
        text = json.dumps({"error": choice.get("error") or "no completion"})
    complaint = Complaint.parse(text)
    if complaint.status:
        return complaint.status, text
    if re.search(f"(?i){_NO_MONEY}|{_BAD_KEY}|{_NO_MODEL}", complaint.whole):
        return 400, text
    is_json = raw.lstrip()[:1] in ("{", "[")
    if is_json:
        message = f": {complaint.words or 'its list of choices is empty'}"
    else:
        message = f" but {complaint.words or on_a_line(raw)[:60]!r}"
    return 502, f"{NO_COMPLETION}{message}"
