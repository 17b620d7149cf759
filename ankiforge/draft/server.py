"""Model servers: the known providers, local servers, the settings of a server, and the budget.

A provider is available if its key is set in the environment, and a local server if its port
answers. `discover_servers` contacts only ports of this computer, and `list_models` only the server
at the given URL.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from ankiforge.config import (
    LLM_KEY,
    LlmSettings,
    find_api_key,
    find_api_key_variable,
    is_loopback,
    parse_origin,
)
from ankiforge.config.http import redact_secret
from ankiforge.errors import ConfigError, ItemError
from ankiforge.model import Json, Strings, Texts, Value
from ankiforge.text import regex

if TYPE_CHECKING:
    import ssl

    from ankiforge.config.http import BoundedClient

# --- settings -------------------------------------------------------------------------


_CLOUD_SUFFIX = regex(r"[-:]cloud$")
_RESERVED_FIELDS = ("model", "messages", "stream", "n")


class _ServerDefaults(NamedTuple):
    """The settings of a server that the user leaves to the program."""

    silence_timeout: float
    concurrency: int
    per_request: int


# A server on this computer may lack a graphics card.
_LOCAL_DEFAULTS = _ServerDefaults(silence_timeout=600.0, concurrency=1, per_request=1)
_REMOTE_DEFAULTS = _ServerDefaults(silence_timeout=120.0, concurrency=4, per_request=5)


class ServerSettings(Value):
    """The validated `llm` settings: which server and model to use, and limits.

    Raises:
        ConfigError: A value is invalid.
    """

    base_url: str
    """The URL of the server, without the final `/chat/completions`."""
    model: str
    key_env: str = ""
    """The environment variable that holds the key, or "" for the server's default variable."""
    budget_usd: float | None = None
    """The maximum cost of one run in dollars, or None for no limit."""
    price_usd: tuple[float, float] | None = None
    """The price in dollars per million tokens sent, and per million tokens received.

    If None, a server on this computer is free, and the price of any other is unknown.
    """
    concurrency: int = 0
    """The maximum number of concurrent requests, or 0 for the default.

    Defaults to 1 for a server on this computer, and 4 for any other.
    """
    per_request: int = 0
    """The number of highlights per request, or 0 for the default.

    All highlights in a request are from one document. Defaults to 1 for a server on this computer,
    and 5 for any other.
    """
    extra_body: Mapping[str, Any] = {}
    timeout_s: float = 0.0
    """How many seconds a server may be silent, or 0 for the default.

    Defaults to 600 for a server on this computer, which may lack a graphics card, and 120 for any
    other.
    """
    reply_s: float = 600.0
    """The maximum number of seconds from the start of a request to the end of its reply."""
    retries: int = 3
    """How often `openai` retries a failed request.

    It waits half a second before the first retry and doubles the delay each time, unless the server
    requests another delay.
    """

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigError(
                "llm.model: no model is set", hint="for example qwen3:8b or gpt-5-mini"
            )
        if not _is_valid_model_name(self.model):
            # the name may contain half a character in another encoding, for example
            message = "llm.model: no model has such a name"
            raise ConfigError(message, hint="type it again: ankiforge model list")
        for field in _RESERVED_FIELDS:
            if field in self.extra_body:
                message = f"llm.extra_body: {field!r} is set by the program"
                raise ConfigError(message, hint="remove it")
        if self.is_local and is_cloud_model(self.model):
            raise make_cloud_model_error(self.model)
        if self.budget_usd is not None and self.price_per_million_tokens is None:
            model = f"{self.model!r} at {self.host}"
            raise ConfigError(
                f"llm.budget_usd: the price of {model} is not known",
                hint="set `llm.price_usd: [in, out]`, dollars per million tokens",
            )

    @property
    def host(self) -> str:
        """The host as shown to the user, e.g. `api.openai.com` or `127.0.0.1:11434`."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url

    @property
    def is_local(self) -> bool:
        """Whether the server is on this computer."""
        return is_loopback(self.base_url)

    @property
    def key_name(self) -> str:
        """The environment variable that holds the key, or "" if no key is to be sent."""
        return find_api_key_variable(LLM_KEY, self.base_url, self.key_env)

    @property
    def key(self) -> str:
        """The API key from the environment, or "" if unset."""
        return find_api_key(LLM_KEY, self.base_url, self.key_env)

    def require_key(self) -> str:
        """Return the API key, or "" if the server doesn't need one.

        Local servers don't need a key, nor do servers without a configured environment variable.

        Raises:
            ConfigError: The key is missing, or can't be sent in an HTTP header.
        """
        key = self.key
        name = self.key_name
        if not key:
            if name and not self.is_local:
                raise ConfigError(
                    f"llm.key_env: the environment variable {name} is not set",
                    hint=f"export {name}=… before the run",
                )
            return ""
        if not _is_valid_key(key):
            raise ConfigError(
                f"the key in {name} contains characters that no key has",
                hint="copy it again, without a line end",
            )
        return key

    @property
    def _defaults(self) -> _ServerDefaults:
        if self.is_local:
            return _LOCAL_DEFAULTS
        return _REMOTE_DEFAULTS

    @property
    def silence_timeout(self) -> float:
        """The number of seconds without data from the server after which a request fails."""
        return self.timeout_s or self._defaults.silence_timeout

    @property
    def max_concurrent_requests(self) -> int:
        """The `concurrency` setting, or the default for this server."""
        return self.concurrency or self._defaults.concurrency

    @property
    def highlights_per_request(self) -> int:
        """The `per_request` setting, or the default for this server."""
        return self.per_request or self._defaults.per_request

    @property
    def price_per_million_tokens(self) -> tuple[float, float] | None:
        """The `price_usd` setting, defaulting to zero for a local server."""
        if self.price_usd is None and self.is_local:
            return (0.0, 0.0)
        return self.price_usd

    def compute_cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return the cost of these tokens in dollars, or None if the price is unknown."""
        if self.price_per_million_tokens is None:
            return None
        price_in, price_out = self.price_per_million_tokens
        return (tokens_in * price_in + tokens_out * price_out) / 1e6


def is_cloud_model(model: str) -> bool:
    """Return whether the name of a model says that Ollama runs it in its cloud."""
    return _CLOUD_SUFFIX.search(model.casefold()) is not None


def make_cloud_model_error(model: str) -> ConfigError:
    """Create the error for requesting a cloud model from a local server.

    The hint is the command that switches to the same model at ollama.com.
    """
    cloud_url = "https://ollama.com/v1"
    name = _CLOUD_SUFFIX.sub("", model)
    return ConfigError(
        f"{model} runs at ollama.com, not on this computer",
        hint=f"ankiforge model use {cloud_url} --model {name} --key-env OLLAMA_API_KEY",
    )


# --- usage ----------------------------------------------------------------------------


class Usage(Value):
    """The requests, tokens and dollars used by a run. The cost is None if unknown."""

    requests: int = 0
    """How many replies came from the server."""
    cached: int = 0
    """How many replies came from the cache."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    characters: int = 0
    """How many characters of the user's texts were sent."""
    is_local: bool = msgspec.field(default=False, name="local")
    """Whether the server is on this computer."""


# --- the budget -----------------------------------------------------------------------

BUDGET_SETTING = "llm.budget_usd"
"""The setting that problems about the budget refer to."""


class BudgetExceededError(ItemError):
    """Raised instead of sending a request when the budget is used up."""


class Budget:
    """Tracks a run's usage and enforces its spending limit. Thread-safe."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._turn_lock = threading.Lock()
        self._usage_lock = threading.Lock()
        self.usage = Usage(
            cost_usd=settings.compute_cost(0, 0), is_local=settings.is_local
        )

    @contextmanager
    def request_slot(self) -> Iterator[None]:
        """Context manager around a request that checks the budget first.

        If there is a spending limit, only one request runs at a time.

        Raises:
            BudgetExceededError: The budget is used up.
        """
        limit = self._settings.budget_usd
        if limit is None:
            yield
            return
        with self._turn_lock:
            spent = self.usage.cost_usd or 0.0
            if spent >= limit:
                raise BudgetExceededError(
                    f"the budget of ${limit:g} is used up",
                    hint="raise llm.budget_usd, or run again: only the rest is sent",
                )
            yield

    def record_reply(self, tokens_in: int, tokens_out: int, characters: int = 0) -> None:
        """Record a reply from the server.

        Args:
            tokens_in: The number of tokens in the request.
            tokens_out: The number of tokens in the reply.
            characters: How many characters of the user's text were sent.
        """
        with self._usage_lock:
            total_in = self.usage.tokens_in + tokens_in
            total_out = self.usage.tokens_out + tokens_out
            self.usage = replace(
                self.usage,
                requests=self.usage.requests + 1,
                tokens_in=total_in,
                tokens_out=total_out,
                cost_usd=self._settings.compute_cost(total_in, total_out),
                characters=self.usage.characters + characters,
            )

    def record_cached_reply(self) -> None:
        """Record a reply from the cache."""
        with self._usage_lock:
            self.usage = replace(self.usage, cached=self.usage.cached + 1)


# === providers ========================================================================

# --- providers --------------------------------------------------------------------------


class Provider(Value):
    """A hosted model provider, from a row of `providers.txt`."""

    name: str
    """The provider's name in `model use`."""
    key_env: str
    """The environment variable that usually holds the provider's key."""
    base_url: str
    model: str
    price_usd: tuple[float, float] | None
    """The price in dollars per million tokens sent and received, or None if unknown."""
    source: str
    """The web page that states the price and when it was read, or "" without a price."""


def read_providers(environ: Texts = os.environ) -> Iterator[Provider]:
    """Yield the known providers, the most common first.

    If OPENAI_BASE_URL is set to another server, it replaces the URL of OpenAI, and the price is
    unknown. If it is invalid or contains a password, OpenAI is left out.
    """
    openai_url = find_openai_base_url(environ)
    for provider in _read_provider_table():
        if provider.name != "openai" or not openai_url:
            yield provider
            continue
        origin = parse_origin(openai_url)
        if not any(origin):
            continue
        if origin != parse_origin(provider.base_url):
            provider = replace(provider, base_url=openai_url, price_usd=None, source="")
        yield provider


def _read_provider_table() -> Iterator[Provider]:
    table = Path(__file__).with_name("providers.txt").read_text("utf-8")
    for line in table.splitlines():
        if line.startswith("#"):
            continue
        name, key_env, base_url, model, price_in, price_out, source = line.split(None, 6)
        provider = Provider(name, key_env, base_url, model, price_usd=None, source="")
        if price_in != "-":
            price = (float(price_in), float(price_out))
            provider = replace(provider, price_usd=price, source=source)
        yield provider


def find_openai_base_url(environ: Texts = os.environ) -> str:
    """Return the URL in OPENAI_BASE_URL, or "" if unset."""
    return environ.get("OPENAI_BASE_URL", "").strip().rstrip("/")


def find_providers_with_key(environ: Texts = os.environ) -> Iterator[Provider]:
    """Yield the providers whose API key is set in the environment."""
    for provider in read_providers(environ):
        if environ.get(provider.key_env, "").strip():
            yield provider


# --- models -----------------------------------------------------------------------------

MAX_SMALL_MODEL_BILLIONS = 14.0
"""A model is small if it has at most this many billion parameters."""
MIN_BILLIONS_FOR_CARDS = 7.0
"""A model needs at least this many billion parameters to write usable cards."""
_MODEL_SIZE = regex(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED_MODEL = regex(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)")
_NOT_A_WRITER = regex(
    r"embed|rerank|whisper|minilm|paraphrase|\btts\b|(?:^|[/_-])(?:bge|e5|gte|clip)(?=[-_:]|$)"
)
_CODE_MODEL = regex(r"cod(?:e|er)\b|codellama|starcoder|codestral")


def parse_model_size(model: str) -> float | None:
    """Parse the parameter count from a model's name, in billions, or return None."""
    sizes: list[float] = []
    for experts, size, unit in _MODEL_SIZE.findall(model.casefold()):
        billions = float(size)
        if unit == "m":
            billions /= 1000
        sizes.append(int(experts or 1) * billions)
    return max(sizes, default=None)


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model is small according to its name.

    For example, `qwen3:8b`, `gemma3n:e4b` and `llama-3.2-1B` are small, but `qwen3:32b`,
    `mixtral-8x7b` and `gpt-oss-120b` aren't. If the name doesn't contain a size, a model on a
    local server counts as small, unless it is named like a hosted service.
    """
    billion_parameters = parse_model_size(model)
    if billion_parameters is not None:
        return billion_parameters <= MAX_SMALL_MODEL_BILLIONS
    if _HOSTED_MODEL.search(model.casefold()):
        return False
    return is_loopback(base_url)


def describe_question_quality(base_url: str, model: str) -> str:
    """Describe how good the questions of a model are likely to be, as a message for the user.

    The message is based on our measurements. For example, a model with 1.5 billion parameters
    drafted 19 cards with our prompt, and none of them was a question.
    """
    billion_parameters = parse_model_size(model)
    if billion_parameters is not None and billion_parameters < MIN_BILLIONS_FOR_CARDS:
        return (
            "too small: hardly any of its cards can be used. Let your chat ask (ankiforge draft),"
            f" or use a model of {MIN_BILLIONS_FOR_CARDS:g} billion parameters or more (7b)"
        )
    if is_small_model(base_url, model):
        return "its questions were not measured"
    return "of a strong model's questions, 4 in 5 are ready"


def rank_writing_models(names: Sequence[str]) -> Strings:
    """Return the models that can write text, the one with the best expected questions first."""
    writers = [name for name in names if not _NOT_A_WRITER.search(name.casefold())]
    writers.sort(key=lambda name: parse_model_size(name) or 0.0, reverse=True)
    writers.sort(key=lambda name: _CODE_MODEL.search(name.casefold()) is not None)
    return tuple(writers)


class ModelPurpose(Value):
    """A purpose for which the user selects a model, with a function that ranks models for it."""

    name: str
    """The name of the task in `model use --for`."""
    rank_models: Callable[[Sequence[str]], Strings]
    """Selects and sorts the names of a server's models, best first."""
    default_models: Texts
    """The default model of each provider or local server, by its name."""


DRAFTING = ModelPurpose("drafting", rank_writing_models, {"ollama": LlmSettings().model})


# --- local servers ----------------------------------------------------------------------


class ModelServer(Value):
    """A model server that is running on this computer."""

    name: str
    """The server's name in `model use`."""
    program: str
    base_url: str
    models: Strings
    """The names of the suitable models, best first."""


LOCAL_SERVER_NAMES = {
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "llama.cpp": "llama.cpp",
}
"""The display name of each local server program, by its name in `model use`."""
LOCAL_STEP_TIMEOUT = 0.3
"""The timeout in seconds of each step in contacting a local server."""
MAX_STEPS = 4
"""The timeout of a whole request for the model list, as a multiple of a step's timeout."""
LOCAL_DISCOVERY_TIMEOUT = MAX_STEPS * LOCAL_STEP_TIMEOUT
"""The number of seconds within which every running local server should have answered."""


def _iter_local_urls(environ: Texts, home: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and URL of each local server that may be running.

    OLLAMA_HOST and LM Studio's settings may override the default ports.
    """
    ollama_host = environ.get("OLLAMA_HOST", "").strip()
    if "://" not in ollama_host:
        ollama_host = f"//{ollama_host}"
    host_parts = urlsplit(ollama_host)
    with suppress(ValueError):
        hostname = (host_parts.hostname or "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
        if ":" in hostname:  # an IPv6 address
            hostname = f"[{hostname}]"
        yield "ollama", f"http://{hostname}:{host_parts.port or 11434}/v1"
    yield "lmstudio", f"http://127.0.0.1:{_find_lm_studio_port(home)}/v1"
    yield "llama.cpp", "http://127.0.0.1:8080/v1"


def _find_lm_studio_port(home: Path) -> int:
    settings = home / ".lmstudio" / ".internal" / "http-server-config.json"
    with suppress(OSError, ValueError, TypeError, LookupError, RecursionError):
        return int(json.loads(settings.read_bytes())["port"])
    return 1234


def discover_servers(
    environ: Texts = os.environ,
    home: Path | None = None,
    purpose: ModelPurpose = DRAFTING,
) -> Callable[[float], tuple[ModelServer, ...]]:
    """Start looking for model servers on this computer, in background threads.

    Args:
        environ: The environment variables, which may change the ports of servers.
        home: The home directory with the settings of the servers, or None for the user's own.
        purpose: The purpose for which a server must have a model.

    Returns:
        A function that waits at most the given number of seconds, and then returns the
        servers with a suitable model that were found so far.
    """
    found_servers: dict[str, ModelServer] = {}
    """The servers that have answered, by name. The threads below add to it."""

    def look_for_server(name: str, base_url: str) -> None:
        server = _query_server(name, base_url, purpose)
        if server is not None:
            found_servers[name] = server

    threads: dict[str, threading.Thread] = {}
    for name, base_url in _iter_local_urls(environ, home or Path.home()):
        if is_loopback(base_url):
            threads[name] = threading.Thread(
                target=look_for_server, args=(name, base_url), daemon=True
            )
            threads[name].start()

    def wait_for_servers(seconds: float) -> tuple[ModelServer, ...]:
        deadline = time.monotonic() + seconds
        for thread in threads.values():
            thread.join(max(deadline - time.monotonic(), 0.0))
        # in the order in which they are looked for, not in which they answer
        return tuple(found_servers[name] for name in threads if name in found_servers)

    return wait_for_servers


def _query_server(name: str, base_url: str, purpose: ModelPurpose) -> ModelServer | None:
    """Return a local server with its models for a purpose, or None if it isn't running or has none.

    Each step must succeed within `LOCAL_STEP_TIMEOUT` seconds.
    """
    _, host, port = parse_origin(base_url)
    try:
        # try the port first, because the HTTP client need not be imported if it is closed
        socket.create_connection((host, port), LOCAL_STEP_TIMEOUT).close()
        names = list_models(base_url, timeout=LOCAL_STEP_TIMEOUT)
        remote_names = find_remote_models(base_url, names, timeout=LOCAL_STEP_TIMEOUT)
    except (OSError, OverflowError, ServerReplyError):
        return None
    local_names = [model for model in names if model not in remote_names]
    suitable_names = purpose.rank_models(local_names)
    if not suitable_names:
        return None
    return ModelServer(name, LOCAL_SERVER_NAMES[name], base_url, suitable_names)


# --- the models of one server -----------------------------------------------------------


class ServerReplyError(Exception):
    """Raised if a server doesn't return the requested JSON, with the reason as the message."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        """The HTTP status, or 0 if there was no reply."""


def list_models(base_url: str, key: str = "", timeout: float = 3.0) -> Strings:
    """Fetch the names of an OpenAI-compatible server's models, skipping invalid names.

    Args:
        base_url: The URL as in the settings, e.g. `http://127.0.0.1:11434/v1`.
        key: The bearer token, or "" for none. It is never forwarded on a redirect.
        timeout: The timeout of each network operation, in seconds. The whole request may take
            `MAX_STEPS` times as long.

    Raises:
        ServerReplyError: The connection failed, or the reply is an error or not a list of
            models.
    """
    if not _is_valid_key(key):
        raise ServerReplyError("was not contacted: the key contains invalid characters")
    reply = fetch_json(
        f"{base_url.rstrip('/')}/models", key, timeout, MAX_STEPS * timeout
    )
    try:
        names = [str(model["id"]) for model in reply["data"]]
    except (TypeError, LookupError) as error:
        raise ServerReplyError("is not a language model server") from error
    return tuple(redact_secret(name, key) for name in names if _is_valid_model_name(name))


def _is_valid_key(key: str) -> bool:
    """Return whether a key, which may be "", can be sent in an HTTP header."""
    return key.isascii() and key.isprintable()


def _is_valid_model_name(name: str) -> bool:
    return name.isprintable() and len(name) <= 200


def find_remote_models(
    base_url: str, names: Sequence[str], timeout: float = 3.0
) -> Strings:
    """Return the models in a local server's list that don't run on this computer.

    Ollama lists cloud models among the local ones, and not all of their names contain `cloud`.
    """
    remote_names = [name for name in names if is_cloud_model(name)]
    # only Ollama's names contain a colon; other servers would log an unknown request
    if any(":" in name for name in names):
        with suppress(ServerReplyError, TypeError, LookupError, AttributeError):
            root = base_url.rstrip("/").removesuffix("/v1")
            tags = fetch_json(f"{root}/api/tags", "", timeout, MAX_STEPS * timeout)
            remote_names += [
                model["name"] for model in tags["models"] if model.get("remote_host")
            ]
    return tuple(remote_names)


def fetch_json(
    url: str,
    key: str,
    timeout: float,
    total_timeout: float | None = None,
    body: Json | None = None,
) -> Any:
    """Fetch JSON from a model server, limiting time and size, and following no redirects.

    Args:
        url: The URL. No proxy is used for this computer.
        key: The bearer token, or "" for none. It is removed from error messages.
        timeout: The timeout of each network operation, in seconds.
        total_timeout: The timeout of the whole exchange in seconds, or None to use `timeout`.
        body: The JSON to post, or None for a GET request.

    Raises:
        ServerReplyError: The connection failed, or the reply is an error or not JSON.
    """
    import httpx2

    if total_timeout is None:
        total_timeout = timeout
    method = "POST"
    if body is None:
        method = "GET"
    try:
        with open_client(url) as client:
            request = client.build_request(
                method,
                url,
                json=body,
                timeout=httpx2.Timeout(timeout, connect=min(timeout, 10.0)),
            )
            if key:
                request.headers["Authorization"] = f"Bearer {key}"
            response = client.fetch(request, total_timeout)
        if response.status_code != 200:
            phrase = redact_secret(response.reason_phrase, key)
            status = f"{response.status_code} {phrase}".strip()
            raise ServerReplyError(f"returned {status}", response.status_code)
        return response.json()
    except httpx2.TimeoutException as error:
        raise ServerReplyError(f"does not answer within {total_timeout:g} s") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        detail = redact_secret(str(error), key)
        raise ServerReplyError(f"does not answer ({detail})") from error
    except (ValueError, RecursionError) as error:
        raise ServerReplyError("is not a language model server") from error


def open_client(url: str, context: ssl.SSLContext | None = None) -> BoundedClient:
    """Open a client for one request to a model server that doesn't follow redirects.

    Args:
        url: The URL. No proxy is used for this computer.
        context: The TLS settings for this URL, or None to load them.
    """
    from ankiforge.config.http import BoundedClient

    return BoundedClient(
        verify=context or load_ssl_context(url),
        trust_env=not is_loopback(url),
        follow_redirects=False,
    )


def load_ssl_context(url: str) -> ssl.SSLContext:
    """Create the TLS settings for a URL.

    Loading the certificates takes a while, so it is skipped for plain HTTP on this computer.
    """
    import httpx2

    is_plain_and_local = is_loopback(url) and url.startswith("http:")
    return httpx2.create_ssl_context(verify=not is_plain_and_local)
