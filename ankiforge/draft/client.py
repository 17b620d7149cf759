"""The client of an OpenAI-compatible server, which keeps every reply and stays within the budget.

`openai` sends, waits and retries. Our transport below it reads each answer within limits of time and
size, and gives errors that servers send with status 200 the status that they mean. A reply is stored
for each thing it is about (a highlight, or a card that is compared), under the hash of the question
about that thing alone, before it is parsed. So nothing is paid for twice, whichever things share a
request and in whatever form the server was asked. The errors are:

    ServiceError         ends the run: no key, no such model, no credit, no server
    FieldRefusedError    the server does not accept a field: ask again without it
    TooLongError         the request exceeds the model's context: send less
    UnansweredError      no usable answer after all retries; other requests may succeed
    ItemError            the server rejects this request

`openai` is imported with the first request, because that takes half a second and 49 MB.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections.abc import Container, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from msgspec.structs import replace

from ankiforge.config import LLM
from ankiforge.draft import Replies
from ankiforge.draft.prompt import Question
from ankiforge.draft.reply import TOO_LARGE, Completion
from ankiforge.draft.server import Budget, ServerSettings
from ankiforge.errors import ItemError, ServiceError, UsageError
from ankiforge.model import Json, Texts, Value, h16
from ankiforge.text.secrets import without_secret

LARGEST = 8_000_000
"""The maximum size of a reply, in bytes."""
IN_A_ROW = 3
"""This many consecutive requests without an answer, after all retries, end the run; more if several
are pending, because an outage affects all of them."""
OPTIONS: Mapping[str, Any] = {"temperature": 0}
"""Fields of every request, unless the server refuses them or `extra_body` sets them."""


# --- the form of a request that a server accepts ----------------------------------------------

FORMAT = "response_format"


def formats(schema: Mapping[str, Any]) -> tuple[Json, ...]:
    """Return the table of response formats, the strictest first; servers differ in what they accept."""
    return (
        {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": schema}},
        {"type": "json_object"},
        {},  # plain text
    )


TEXT = len(formats({})) - 1


class Form(Value):
    """The form of a request that a server accepts."""

    rung: int = 0
    """An index of `formats`."""
    dropped: frozenset[str] = frozenset()
    """The fields that the server refuses."""

    def without(self, error: FieldRefusedError) -> Form:
        """Return the next form to try after a refusal.

        Raises:
            FieldRefusedError: nothing more can be left out.
        """
        if error.field != FORMAT:
            return replace(self, dropped=self.dropped | {error.field})
        if self.rung == TEXT:
            raise error
        return replace(self, rung=self.rung + 1)


# --- errors -----------------------------------------------------------------------------------


class FieldRefusedError(ItemError):
    """The server does not accept a field of the request."""

    def __init__(self, words: str, name: str) -> None:
        super().__init__(words)
        self.field = name


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
    r"api[_ ]key[_ ]invalid|api key (?:not valid|expired)|(?:invalid|incorrect)[_ ]api[_ ]key"
    r"|invalid_authentication"
)
_NO_MODEL = (
    r"model_not_found|not a valid model|model [^.]{0,80}(?:not found|does not exist|not loaded)"
    r"|no models? (?:is |are )?loaded|invalid[_ ]model"
)
_TOO_LONG = (
    r"context_length_exceeded|context (?:length|window|size)|maximum context|too many tokens"
    r"|prompt is too long|exceeds? the (?:available )?context|input is too long"
    r"|token count.{0,40}exceeds|maximum number of tokens|request too large|string too long"
)
_FORMAT = (
    r"response[_ ]?format|json_schema|json_object|\bschema\b|\bgrammar\b|structured[_ ]"
    r"|requested parameters"
)
_TABLE: tuple[tuple[Container[int], str, type[ItemError | ServiceError] | None, str], ...] = (
    # statuses, pattern of the body, error (None = `openai` asks again), hint
    ((402,), "", ServiceError, MONEY),
    (range(600), _NO_MONEY, ServiceError, MONEY),
    ((400, 404, 415, 422, 500, 501, 503), "", FieldRefusedError, ""),
    ((413,), "", TooLongError, ""),
    ((400, 422, 500), _TOO_LONG, TooLongError, ""),
    ((403,), r"moderation|flagged|content.?policy|safety", ItemError, ""),
    ((401, 403), "", ServiceError, "{key}"),
    ((400,), _BAD_KEY, ServiceError, "{key}"),
    ((404, 405, 410), "", ServiceError, "{model}"),
    (range(500), _NO_MODEL, ServiceError, "{model}"),
    (range(300, 400), "", ServiceError, "the server redirects{to}: set llm.base_url to that"),
    ((408, 409, 423, 425, 429, *range(500, 600)), "", None, ""),
    (range(1000), "", ItemError, ""),
)


_SAID = re.compile(
    r'"(?:error|message|errors|msg|error_description|detail|title)"\s*:\s*\[?"((?:[^"\\]|\\.){1,2000})"'
)
_STATUS = re.compile(r'"(?:code|status|error_code)"\s*:\s*"?([45]\d\d)\b')


class Complaint(Value):
    """The content of an error body of any shape: OpenAI's, LM Studio's, FastAPI's, a web page's."""

    words: str
    whole: str = ""
    """The body, as far as it is searched for codes and fields."""
    status: int = 0
    """The HTTP status in the body; 0 if there is none."""

    @classmethod
    def of(cls, text: str) -> Complaint:
        """Parse the body of an error. Never raises."""
        whole = text[:20_000].replace('\\"', '"')  # the error of a provider, forwarded as text
        if whole.lstrip()[:1] not in ("{", "["):
            if "<" not in text[:200]:
                return cls(_line(text), whole)
            return cls("a web page")
        words = dict.fromkeys(_line(said.replace("\\n", " ")) for said in _SAID.findall(whole))
        status = _STATUS.search(whole)
        return cls(": ".join(words)[:300], whole, int(status[1]) if status else 0)


def _line(said: object) -> str:
    return " ".join(str(said).split())[:300]


def refusal(
    settings: ServerSettings, status: int, text: str, headers: Texts, sent: Any
) -> Exception | None:
    """Return the exception for an error status; None if the request may be sent again.

    Args:
        settings: the server.
        status: the status of the answer, or the one in its body.
        text: the body.
        headers: `location`.
        sent: the body of the request.
    """
    said = Complaint.of(text)
    words = f"{settings.host} answers {status}: {said.words or 'no reason given'}"
    whole = said.whole
    for statuses, like, kind, hint in _TABLE:
        if status not in statuses or not re.search(like, whole, re.IGNORECASE):
            continue
        if kind is FieldRefusedError:
            ours = [name for name in OPTIONS if name in sent]
            ours = [name for name in ours if name not in settings.extra_body]
            field = next((name for name in ours if re.search(rf"(?<!\w){name}(?!\w)", whole)), "")
            if FORMAT in sent and not field and re.search(_FORMAT, whole, re.IGNORECASE):
                field = FORMAT
            if field:
                return FieldRefusedError(words, field)
        elif kind is ServiceError:
            location = without_secret(headers.get("location", ""), settings.key)
            where = location.removesuffix("/chat/completions")[:200]
            to = f" ({where})" if where.startswith("http") else ""
            model = f"does this server have the model {settings.model!r}, and is base_url right?"
            return ServiceError(
                words, hint=hint.format(key=_key_hint(settings), model=model, to=to)
            )
        else:
            return kind(words) if kind else None
    raise AssertionError(status)


def _key_hint(settings: ServerSettings) -> str:
    if settings.key_name:
        return f"check the key in the environment variable {settings.key_name}"
    name = "`key_env: NAME` under `llm:`, NAME being the environment variable that holds the key"
    return f"no key was sent: write {name}, then: ankiforge init --trust {settings.workspace}"


def disguised(raw: str) -> tuple[int, str] | None:
    """Return (status, body) of the error in an answer of status 200; None if it is a completion.

    OpenRouter sends errors with status 200 or inside a choice, and others send login pages.
    """
    text = raw
    if found := Completion.of(raw):
        if found.finish != "error" or found.content:
            return None
        choice = json.loads(raw, strict=False)["choices"][0]
        text = json.dumps({"error": choice.get("error") or "no completion"})
    said = Complaint.of(text)
    if said.status:
        return said.status, text
    if re.search(f"(?i){_NO_MONEY}|{_BAD_KEY}|{_NO_MODEL}", said.whole):
        return 400, text
    is_json = raw.lstrip()[:1] in ("{", "[")
    what = f": {said.words or 'its list of choices is empty'}"
    return 502, f"{NO_COMPLETION}{what if is_json else f' but {said.words or _line(raw)[:60]!r}'}"


NO_COMPLETION = "no chat completion"


# --- the client -------------------------------------------------------------------------------


class Answer(Value):
    """A reply, as far as it is about one thing."""

    said: Completion
    request: str
    """The hash under which it is kept."""
    label: int = 1
    """The label of the thing in the reply, from 1."""
    of: int = 1
    """The number of things that the reply is about."""
    cached: bool = True

    @property
    def cut_off(self) -> bool:
        """Whether the reply ended before the model was done."""
        return self.said.finish in ("length", TOO_LARGE)


class Client:
    """Answers questions from the replies that are kept, else from the server. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        replies: Replies,
        *,
        offline: bool = False,
        fresh: bool = False,
    ) -> None:
        """Send nothing yet. `offline` refuses other machines; `fresh` asks even if a reply is kept."""
        self.settings = settings
        self.budget = Budget(settings)
        self._replies, self._offline, self._fresh = replies, offline, fresh
        self._lock = threading.Lock()
        self._wire: _Wire | None = None
        self._openai: Any = None
        # Why the run ended, if it did.
        self._end: ServiceError | None = None
        self._stopped = self._answered = False
        # The number of consecutive requests without an answer.
        self._failed = 0
        # The form of requests that the server accepts, as far as it is known.
        self._form = Form()

    def kept_as(self, question: Question) -> str:
        """Return the name under which the reply to a question about one thing is kept."""
        body = [self.settings.model, question.messages, question.schema, self.settings.extra_body]
        return h16(_canonical(body), "reply")

    def known(self, question: Question) -> Answer | None:
        """Return the reply that is kept about one thing; None if none is."""
        name = self.kept_as(question)
        kept = None if self._fresh else self._replies.get(name)
        if kept is None:
            return None
        label, of, raw = json.loads(kept)
        said = Completion.of(raw)
        return None if said is None else Answer(said, name, label, of)

    def ask(self, question: Question, *, anew: bool = False) -> list[Answer]:
        """Return the reply, for each thing that the question is about.

        The reply about one thing may be one that is kept; `anew`: ask even then.

        Raises:
            ServiceError, ItemError: see the module.
            BudgetError: the rest of the budget may not suffice.
            ConfigError, UsageError: see `prepare`.
        """
        self._refuse_if_stopped()
        if not (question.parts or anew) and (known := self.known(question)):
            self.budget.count_cached()
            return [known]
        self.prepare()
        while True:
            form = self._form
            try:
                return self._paid(question, form)
            except FieldRefusedError as error:
                with self._lock:  # another thread may have got the same answer
                    if self._form == form:
                        self._form = form.without(error)

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

    def stop(self, patience: float = 0.0) -> None:
        """Send nothing more, and wait at most `patience` seconds for pending replies."""
        with self._lock:
            self._stopped = True
        if self._wire is not None:
            self._wire.stop(patience)

    def _paid(self, question: Question, form: Form) -> list[Answer]:
        """Send one request, keep the reply for each thing, and count its cost."""
        settings, count = self.settings, len(question.each)
        body = {
            "model": settings.model, "messages": list(question.messages),
            **{name: value for name, value in OPTIONS.items() if name not in form.dropped},
            **({FORMAT: shape} if (shape := formats(question.schema)[form.rung]) else {}),
            **settings.extra_body,
        }  # fmt: skip
        size = len(_canonical(body).encode("utf-8", "replace"))
        with self.budget.turn():
            try:
                raw = self._sent(body)
                said = Completion.of(raw) or Completion()
                tokens_in = said.tokens_in or size // 4
                tokens_out = said.tokens_out or len(said.content) // 4
                answers = []
                for label, one in enumerate(question.each, start=1):
                    name, first = self.kept_as(one), label == 1
                    self._replies.put(
                        name, json.dumps([label, count, raw]), model=said.model or settings.model,
                        prompt=question.prompt, tokens_in=tokens_in if first else 0,
                        tokens_out=tokens_out if first else 0,
                    )  # fmt: skip
                    answers.append(Answer(said, name, label, count, cached=False))
                self.budget.count_new(tokens_in, tokens_out)
                return answers
            finally:
                if self._wire is not None:
                    self._wire.leave()

    def _sent(self, body: Json) -> str:
        """Return the raw reply, a chat completion in JSON."""
        import httpx2
        import openai

        first = not self._answered
        try:
            client = self._connected()
            # given as `messages`, they would be validated by their types, which takes milliseconds
            answer = client.chat.completions.with_raw_response.create(
                model=body["model"], messages=[], extra_body=body
            )
        except ServiceError as error:
            self._end = self._end or error
            self.stop()  # else each of the other threads would get the same error
            raise
        except openai.APIStatusError as error:
            status, text = error.status_code, error.response.text
            words = f"{status}: {Complaint.of(text).words or 'no reason given'}"
            if first and status in (500, 501) and FORMAT in body:
                raise FieldRefusedError(words, FORMAT) from error  # it may break at the format
            failed = UnansweredError(f"{self.settings.host}: {words}", hint=AGAIN)
            raise self._failure(failed, first and f"{NO_COMPLETION} but" in text) from error
        except openai.APIConnectionError as error:
            cause = error.__cause__
            gone = isinstance(cause, (httpx2.ConnectError, httpx2.ProxyError, ssl.SSLError))
            what = "no connection" if gone else "the answer broke off"
            if isinstance(cause, httpx2.TimeoutException):
                what = f"no answer within {self.settings.silence_s:g} s"
            said = without_secret(_line(cause), self.settings.key)
            words = f"{self.settings.host}: {what}: {said}"
            raise self._failure(UnansweredError(words, hint=AGAIN), gone) from error
        except ItemError as error:
            if type(error) is ItemError and not self._answered:
                raise self._failure(error) from error
            raise
        self._answered, self._failed = True, 0
        return without_secret(answer.text, self.settings.key)

    def _failure(self, error: ItemError, gone: bool = False) -> ItemError | ServiceError:
        """Return the error of a request, or the one that ends the run."""
        settings = self.settings
        with self._lock:
            self._failed += 1
            often = self._failed >= IN_A_ROW + settings.threads - 1
        if self._end or not (often or gone):
            return self._end or error
        hint = f"is the server running, and {settings.base_url} its address?"
        if not isinstance(error, UnansweredError):
            hint = "it accepts no request: check llm.extra_body and llm.model"
        self._end = ServiceError(error.message, hint=hint)
        self.stop()
        return self._end

    def _refuse_if_stopped(self) -> None:
        """Refuse to go on in a run that has ended: its replies may be closed."""
        if self._stopped:
            raise self._end or UnansweredError("stopped before it was sent")

    def _connected(self) -> Any:
        import httpx2
        import openai

        with self._lock:
            self._refuse_if_stopped()
            if self._openai is None:
                settings = self.settings
                silence = settings.silence_s
                self._wire = _Wire(settings)
                self._openai = openai.OpenAI(
                    base_url=settings.base_url,
                    api_key=settings.checked_key() or "none",
                    max_retries=settings.retries,
                    timeout=httpx2.Timeout(silence, connect=min(10.0, silence)),
                    http_client=httpx2.Client(transport=self._wire, follow_redirects=False),  # type: ignore[arg-type]
                )
            return self._openai


def _canonical(value: object) -> str:
    """Return JSON with sorted keys and no blanks."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


# The headers that any server gets.
_OURS = re.compile(r"host|content-.*|accept|user-agent|authorization|x-stainless.*")


class _Wire:
    """The transport of `openai`: reads answers within limits, and raises what must not be asked again."""

    def __init__(self, settings: ServerSettings) -> None:
        import httpx2

        from ankiforge.config.http import bound_transport

        parts = urlsplit(settings.base_url)
        proxies = {} if settings.local or proxy_bypass(parts.hostname or "") else getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        self._settings = settings
        tls = parts.scheme == "https" or proxy is not None  # certificates take 25 ms to load
        self._http = httpx2.HTTPTransport(verify=tls, proxy=proxy)
        bound_transport(self._http)
        self._changed = threading.Condition()
        self._stopped = False
        self.busy: set[int] = set()
        """The threads whose request is pending."""

    def handle_request(self, request: Any) -> Any:
        """Make one attempt, and return the reply, or an error after which `openai` may ask again."""
        import httpx2

        from ankiforge.config.http import Limit, within

        settings = self._settings
        with self._changed:
            if self._stopped:
                raise UnansweredError("stopped before it was sent")
            self.busy.add(threading.get_ident())
        sent = json.loads(request.content)
        for name in [*request.headers]:
            # what the environment adds is meant for OpenAI only
            if not (_OURS.fullmatch(name) or LLM.owns(settings.base_url)):
                del request.headers[name]
        request.headers["accept-encoding"] = "identity"
        if not settings.key:
            del request.headers["authorization"]
        limit = Limit(settings.reply_s)
        try:
            with within(limit):
                answer = self._http.handle_request(request)
                status, headers = answer.status_code, answer.headers
                text = self._text(answer)
        except httpx2.TimeoutException as error:
            if limit.is_over:
                words = f"{settings.host}: the reply took more than {settings.reply_s:g} s"
                raise UnansweredError(words, hint=f"use a faster model, or {AGAIN}") from None
            if (
                isinstance(error, httpx2.ReadTimeout) and settings.local
            ):  # it is busy, and would begin again
                words = f"{settings.host}: no answer within {settings.silence_s:g} s"
                raise UnansweredError(words, hint=AGAIN) from None
            self.leave()
            raise
        except (httpx2.RequestError, ssl.SSLError):
            self.leave()
            raise
        if answer.is_success:
            found = disguised(text)
            if found is None:
                return httpx2.Response(200, text=text)
            status, text = found
        shown = without_secret(text, settings.key)  # which some servers repeat
        if fault := refusal(settings, status, shown, headers, sent):
            raise fault
        self.leave()
        waits = {
            name: headers[name] for name in ("retry-after", "retry-after-ms") if name in headers
        }
        return httpx2.Response(status, headers={**waits, "x-should-retry": "true"}, text=shown)

    def _text(self, answer: Any) -> str:
        """Return the body of an answer, unless it is too large."""
        settings = self._settings
        parts, size = [], 0
        try:
            for part in answer.iter_bytes():
                size += len(part)
                if size > LARGEST and answer.is_success:  # it is paid for: asked once
                    return json.dumps({"choices": [{"message": {}, "finish_reason": TOO_LARGE}]})
                if size > LARGEST:
                    raise ItemError(f"{settings.host}: an error of more than {LARGEST:,} bytes")
                parts.append(part)
        finally:
            answer.close()
        return b"".join(parts).decode("utf-8-sig", "replace")

    def leave(self) -> None:
        """Count this thread's request as finished."""
        with self._changed:
            self.busy.discard(threading.get_ident())
            self._changed.notify_all()

    def stop(self, patience: float) -> None:
        """Send nothing more, and wait for pending requests."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            if self._changed.wait_for(lambda: not self.busy, patience):
                self._http.close()
