"""What a server means by an answer that is not a chat completion.

Servers report errors in many shapes: with a status or with 200, in JSON of several
kinds, as text, or as a web page.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from ankiforge.draft.completion import FORMAT, OPTIONS, Completion
from ankiforge.draft.server import ServerSettings
from ankiforge.errors import ItemError, ServiceError
from ankiforge.model import Json
from ankiforge.text import regex


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


AGAIN = "run again: what was answered is kept"
PAGE = "a web page"
_MONEY = "the account is out of credit; add credit and run again, nothing is lost"
_NO_MONEY = regex(
    r"(?i)insufficient[_ ](?:quota|credits?|balance|funds)|credit balance is too low"
    r"|billing_hard_limit|billing_not_active|exceeded_current_quota"
)
_BAD_KEY = regex(
    r"(?i)api[_ ]key[_ ]invalid|api key (?:not valid|expired)"
    r"|(?:invalid|incorrect)[_ ]api[_ ]key|invalid_authentication"
)
_NO_MODEL = regex(
    r"(?i)model_not_found|not a valid model|invalid[_ ]model|no models? (?:is |are )?loaded"
    r"|model [^.]{0,80}(?:not found|does not exist|not loaded)|does not support chat"
)
_TOO_LONG = regex(
    r"(?i)context_length_exceeded|context (?:length|window|size)|maximum context"
    r"|too many tokens|prompt is too long|exceeds? the (?:available )?context"
    r"|input is too long|token count.{0,40}exceeds|maximum number of tokens"
    r"|request too large|string too long"
)
_MODERATED = regex(r"(?i)moderation|flagged|content.?policy|safety")
_FORMAT = regex(
    r"(?i)response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)
_LOADING = regex(r"(?i)\bload(?:ing|s)\b.{0,20}\bmodel\b")
_BEFORE_A_FIELD = (400, 404, 415, 422, 500, 501, 503)
"""The statuses with which servers refuse a field of a request."""


def refusal(
    settings: ServerSettings, status: int, body: str, location: str = ""
) -> ServiceError | ItemError:
    """Return the error for a status that stays after all retries.

    Args:
        settings: the server.
        status: the status of the answer, or the one in its body.
        body: of the answer.
        location: where the server redirects to.
    """
    message = f"{settings.host} answers {status}: {said(body) or 'no reason given'}"
    if status == 402 or _NO_MONEY.search(body):
        return ServiceError(message, hint=_MONEY)
    if status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(body)):
        return TooLongError(message)
    if status == 403 and _MODERATED.search(body):
        return ItemError(message)
    if status in (401, 403) or (status == 400 and _BAD_KEY.search(body)):
        hint = f"check the key in the environment variable {settings.key_name}"
        if not settings.key_name:
            hint = (
                "no key was sent: write `key_env: NAME` under `llm:`, NAME being the environment"
                " variable that holds the key, then: ankiforge init --trust"
                f" {settings.workspace}"
            )
        return ServiceError(message, hint=hint)
    if status in (404, 405, 410) or (status < 500 and _NO_MODEL.search(body)):
        hint = (
            f"does this server have the model {settings.model!r}, and is base_url right?"
        )
        return ServiceError(message, hint=hint)
    if 300 <= status < 400:
        address = location.removesuffix("/chat/completions")[:200]
        return ServiceError(
            message, hint=f"the server redirects to {address}: set llm.base_url to that"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        hint = f"wait for a while, or set llm.concurrency to 1; then {AGAIN}"
        return UnansweredError(message, hint=hint)
    if status >= 500 or status in (408, 409):
        hint = f"the server fails: see its log, or restart it; then {AGAIN}"
        return UnansweredError(message, hint=hint)
    return ItemError(
        message, hint="if it rejects every request, check llm.extra_body and llm.model"
    )


def refused_field(
    settings: ServerSettings, status: int, body: str, sent: Json, *, is_first: bool
) -> str:
    """Return the field of a request that an error names and that can be left out; "" if none.

    `is_first`: the server has answered nothing yet, so it may break at the format.
    """
    if status not in _BEFORE_A_FIELD or _is_page(body):
        return ""
    ours = [name for name in sent if name not in settings.extra_body]
    for name in OPTIONS:
        if name in ours and re.search(rf"(?<!\w){name}(?!\w)", body):
            return name
    breaks_at_it = is_first and status in (500, 501)
    if FORMAT in ours and (breaks_at_it or _FORMAT.search(body)):
        return FORMAT
    return ""


def is_final(body: str) -> bool:
    """Return whether asking again is vain, whatever the status: no credit, a refused field."""
    if _is_page(body):
        return False
    patterns = (_NO_MONEY, _TOO_LONG, _FORMAT)
    return any(pattern.search(body) for pattern in patterns)


def is_loading_model(status: int, body: str) -> bool:
    """Return whether a server says that it loads its model."""
    return status == 503 and _LOADING.search(body) is not None


# --- the body of an error -------------------------------------------------------------

_SAID = re.compile(
    r'"(?:error|message|errors|msg|error_description|detail|title)"\s*:\s*\[?'
    r'"((?:[^"\\]|\\.){1,2000})"'
)
_STATUS = re.compile(r'"(?:code|status|error_code)"\s*:\s*"?([45]\d\d)\b')
# The number of characters of what a server says that are shown.
_SHOWN = 300


def said(body: str) -> str:
    """Return the message of an error on one line: OpenAI's, LM Studio's, FastAPI's, a web page."""
    if _is_page(body):
        return PAGE
    # the error of a provider may be forwarded as text
    found = _SAID.findall(body.replace('\\"', '"')) or _SAID.findall(body)
    words = (
        ": ".join(dict.fromkeys(found)).replace("\\n", " ").replace('\\"', '"') or body
    )
    return " ".join(words.split())[:_SHOWN]


def _is_page(body: str) -> bool:
    return body.lstrip()[:1] not in ("{", "[") and "<" in body[:200]


def disguised(raw: str) -> tuple[int, str] | None:
    """Return (status, body) of the error in an answer of status 200; None if it is a completion.

    OpenRouter sends errors with status 200 or inside a choice, and others send login
    pages.
    """
    completion = Completion.parse(raw)
    if completion and (completion.finish != "error" or completion.content):
        return None
    status = _STATUS.search(raw.replace('\\"', '"'))
    if status:
        return int(status[1]), raw
    if any(pattern.search(raw) for pattern in (_NO_MONEY, _BAD_KEY, _NO_MODEL)):
        return 400, raw
    return 502, raw or "an empty reply"
