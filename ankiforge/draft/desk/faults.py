"""What a server's refusal means: for the request, and for the run.

    ServiceError         the run ends: no key, no such model, no money, nobody there
    FieldRefusedError    the server does not take a field of ours: asked again without it
    TooLongError         more than the model's context holds: send less
    UnansweredError      this request failed after all retries; others may not
    BrokenError          the same, of a server that answered 500 each time
    ItemError            the server rejects this very request
    PassingError         a fault that may pass: asked again after a while

Servers say it in many shapes: OpenAI's `{"error": {…}}`, a bare string (LM Studio), a list
(Gemini), `detail` (Mistral and whatever FastAPI serves), a 200 that holds an error (OpenRouter),
a web page (proxies, logins).
"""

from __future__ import annotations

import email.utils
import html
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.errors import ItemError, ServiceError

FORMAT = "response_format"


class FieldRefusedError(ItemError):
    """The server does not take a field of the request."""

    def __init__(self, words: str, name: str, takes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.field = name
        self.takes = takes
        """The types of `response_format` that it says it does take."""


class TooLongError(ItemError):
    """The request does not fit the model's context."""


class UnansweredError(ItemError):
    """No usable answer after all retries."""


class BrokenError(UnansweredError):
    """An error of the server after all retries; some say so of a request they cannot take."""


class PassingError(Exception):
    """A fault that may pass."""

    def __init__(
        self, words: str, after: float = 0.0, *, crowded: bool = False, broken: bool = False
    ) -> None:
        super().__init__(words)
        self.broken = broken
        """An error within the server, 500 or 501."""
        self.after = after
        """Seconds the server asks us to wait; 0 if it does not say."""
        self.crowded = crowded
        """Too many requests: everybody waits."""


class SilentError(PassingError):
    """Nothing came in time: the server may still be at work on it."""


class SlowError(PassingError):
    """A reply came, but not the whole of it in time: it is paid for, and not asked again."""


class AbsentError(PassingError):
    """Nobody there who speaks our language; ends the run if nobody ever was, or is any more."""

    def __init__(self, words: str, *, gone: bool = False) -> None:
        super().__init__(words)
        self.gone = gone
        """Not even a connection: no fault of one request."""


# --- reading it -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Complaint:
    """What an error body says."""

    words: str
    """In a line; "" if nothing that a person can read."""
    code: str = ""
    """All codes, types and reasons in it, a blank between."""
    status: int = 0
    """The HTTP status that the body itself names; 0 if it names none."""
    param: str = ""
    after: float = 0.0
    """Seconds to wait that the body names."""


_CODES = ("code", "type", "status", "reason", "error_type", "error_code")
_WORDS = ("message", "msg", "error_description", "detail", "title")
_DEEPEST = 6


def complaint(text: str) -> Complaint:
    """Read the body of an error, whatever its shape. Never raises."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Complaint(_page(text) if "<" in text[:200] else _line(text))
    pairs = list(_pairs(found))
    words = dict.fromkeys(_line(value) for name, value in pairs if name in _WORDS and value)
    bare = [_line(value) for name, value in pairs if name == "error" and isinstance(value, str)]
    said = [*bare, *words] or ([_line(found)] if isinstance(found, str) else [])
    codes = [str(value) for name, value in pairs if name in _CODES and isinstance(value, str | int)]
    numbers = (int(code) for code in codes if re.fullmatch(r"[45]\d\d", code))
    params = (str(value) for name, value in pairs if name in ("param", "loc") and value)
    return Complaint(
        words=": ".join(one for one in said if one)[:300],
        code=" ".join(codes),
        status=next(numbers, 0),
        param=" ".join(params)[:200],
        after=_seconds(str(next((v for n, v in pairs if n == "retryDelay"), ""))),
    )


def _pairs(found: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every scalar below, with its name; of a list of names the whole."""
    if depth > _DEEPEST:
        return
    if isinstance(found, dict):
        for name, value in list(found.items())[:50]:
            if name == "loc" and isinstance(value, list):
                yield "loc", ".".join(map(str, value))
            elif name == "raw" and isinstance(value, str) and value.lstrip().startswith("{"):
                yield from _inner(value, depth)
            elif isinstance(value, dict | list):
                yield from _pairs(value, depth + 1)
            else:
                yield name, value
    elif isinstance(found, list):
        for value in found[:20]:
            plain = isinstance(value, str)
            yield from [("message", value)] if plain else _pairs(value, depth + 1)


def _inner(text: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The error of a provider that another server hands on as text."""
    try:
        yield from _pairs(json.loads(text), depth + 1)
    except (ValueError, RecursionError):
        yield "message", text


def _line(said: object) -> str:
    return " ".join(str(said).split())[:300]


def _page(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", text[:5_000], re.DOTALL | re.IGNORECASE)
    return f"a web page: {_line(html.unescape(title[1]))[:80]}" if title else ""


def message_of(text: str) -> str:
    """What an error body says, in a line."""
    return complaint(text).words or "no reason given"


# --- judging it -----------------------------------------------------------------------------

_OPTION = (400, 404, 415, 422, 500, 501, 503)
_NAMES_FORMAT = re.compile(
    r"response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"(?:must be|should be|supported|expected|one of|allowed|either|only)(.*)", re.I
)
_TYPE = re.compile(r"\b(json_schema|json_object|text)\b")
_MODERATED = re.compile(r"moderation|flagged|content.?policy|safety", re.IGNORECASE)
"""A 403 that means the words of this request, not the key."""
_LENGTH = (400, 413, 422, 500)
_NAMES_LENGTH = re.compile(
    r"context_length_exceeded|context (?:length|window|size)|maximum context|too many tokens"
    r"|prompt is too long|exceeds? the (?:available )?context|input is too long"
    r"|token count.{0,40}exceeds|maximum number of tokens|request too large|string too long",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient[_ ](?:quota|credits?|balance|funds)|credit balance is too low"
    r"|billing_hard_limit|billing_not_active|exceeded_current_quota",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"api[_ ]key[_ ]invalid|api key (?:not valid|expired)|(?:invalid|incorrect)[_ ]api[_ ]key"
    r"|invalid_authentication",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|not a valid model|model [^.]{0,80}(?:not found|does not exist|not loaded)"
    r"|no models? (?:is |are )?loaded|invalid[_ ]model",
    re.IGNORECASE,
)
_CROWDED = (429, 503, 529)
_BROKEN = (500, 501)
_PASSING = (408, 409, 423, 425, 429)
MONEY = "the account is out of credit; run again when it is filled, nothing is lost"


def refusal(
    settings: ServerSettings,
    status: int,
    text: str,
    headers: Mapping[str, str],
    fields: Iterable[str] = (),
) -> Exception:
    """What an error status means.

    Args:
        settings: the server that was asked.
        status: of the answer, or what its body says it is.
        text: the body.
        headers: `retry-after`, `location`.
        fields: those of the request that may be left out.
    """
    said = complaint(text)
    words = f"{settings.host} answers {status}: {said.words or 'no reason given'}"
    whole = f"{said.words} {said.code} {said.param}"
    if _NO_MONEY.search(whole) or status == 402:
        return ServiceError(words, hint=MONEY)
    if status in _OPTION and (field := _named_field(said, whole, tuple(fields))):
        return FieldRefusedError(words, field, _taken(said.words))
    if status == 413 or (status in _LENGTH and _NAMES_LENGTH.search(whole)):
        return TooLongError(words)
    if hint := _fatal(settings, status, whole, headers):
        return ServiceError(words, hint=hint)
    if status in _PASSING or status >= 500:
        after = retry_after(headers) or said.after
        reason = said.words or "no reason given"
        crowded, broken = status in _CROWDED, status in _BROKEN
        return PassingError(f"{status}: {reason}", after, crowded=crowded, broken=broken)
    return ItemError(words)


def _named_field(said: Complaint, whole: str, fields: tuple[str, ...]) -> str:
    """The field that is to blame; of our own ones before `response_format`, "" if none."""
    for field in fields:
        if field != FORMAT and re.search(rf"(?<![\w]){re.escape(field)}(?![\w])", whole):
            return field
    if FORMAT not in fields:
        return ""
    return FORMAT if _NAMES_FORMAT.search(whole) else ""


def _taken(words: str) -> tuple[str, ...]:
    """`'response_format.type' must be 'json_schema' or 'text'`: what stands after "must be"."""
    found = _TAKES.search(words)
    return tuple(dict.fromkeys(_TYPE.findall(found[1][:80]))) if found else ()


def _fatal(settings: ServerSettings, status: int, whole: str, headers: Mapping[str, str]) -> str:
    """What to do about an answer that every further request would get, too; "" if none."""
    key = f"check the key in the environment variable {settings.key_env}"
    if status in (401, 403) and not (status == 403 and _MODERATED.search(whole)):
        return key
    if status == 400 and _BAD_KEY.search(whole):
        return key
    if status in (404, 405, 410) or (status < 500 and _NO_MODEL.search(whole)):
        return f"is {settings.model!r} a model of this server, and base_url right?"
    if status == 407:
        return "the proxy wants a name and password: see HTTPS_PROXY"
    if 300 <= status < 400:
        where = headers.get("location", "").removesuffix("/chat/completions")[:200]
        to = f" ({where})" if where.startswith("http") else ""
        return f"the server sends us elsewhere{to}: write the final address as llm.base_url"
    return ""


def disguised(
    settings: ServerSettings, raw: str, fields: Iterable[str] = (), *, part: str = ""
) -> Exception:
    """A 200 that is no chat completion: an error in disguise, or somebody else's page.

    `part`: the error that stands inside of a completion, if that is what is wrong.
    """
    text = part or raw
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        if text.lstrip().startswith(("{", "[")):
            return PassingError(f"the answer is cut off: {text.strip()[:60]!r}")
        page = _page(raw) or f"{raw.strip()[:60]!r}"
        return AbsentError(f"no chat completion but {page}")
    said = complaint(text)
    if said.status and (part or (isinstance(found, dict | list) and "error" in text)):
        return refusal(settings, said.status, text, {}, fields)
    whole = f"{said.words} {said.code}"
    if _NO_MONEY.search(whole) or _BAD_KEY.search(whole) or _NO_MODEL.search(whole):
        return refusal(settings, 400, text, {}, fields)
    return PassingError(f"no chat completion: {said.words or 'no reason given'}", said.after)


# --- how long to wait -----------------------------------------------------------------------


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds the server asks us to wait; 0 if it does not say."""
    if (exact := _seconds(headers.get("retry-after-ms", ""))) > 0:
        return exact / 1000
    said = headers.get("retry-after", "").strip()
    if seconds := _seconds(said):
        return seconds
    try:
        until = email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return max(until - time.time(), 0.0)


def _seconds(said: str) -> float:
    """`2`, `0.5`, `34s`; 0 for anything else."""
    number = said.strip().removesuffix("s")
    return float(number) if re.fullmatch(r"\d{1,9}(?:\.\d{0,9})?", number) else 0.0
