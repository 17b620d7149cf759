"""The servers that a model may run on: which there are, the settings of one, and its budget.

A provider counts if a key for it is set, a server if a port of this machine answers. Nothing is
sent to a provider here: only ports of this machine are looked at, and `models` asks the one
server that it is given.
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
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from ankiforge.config import LLM, LlmSettings, is_loopback, key_for, key_variable, origin
from ankiforge.config.http import without_secret
from ankiforge.errors import ConfigError, ItemError
from ankiforge.model import Strings, Texts, Value
from ankiforge.text import regex

# --- prices ---------------------------------------------------------------------------


_OF_A_CLOUD = regex(r"[-:]cloud$")
# Keys of a request that `extra_body` may not set.
_OURS = ("model", "messages", "stream", "n")


class ServerSettings(Value):
    """A server, a model and limits: the checked values of the `llm` section.

    Raises:
        ConfigError: a value is invalid.
    """

    base_url: str
    """Ends before `/chat/completions`."""
    model: str
    key_env: str = ""
    """The environment variable of the key; "" = the default one, if the address is its server's."""
    budget_usd: float | None = None
    """The limit for one run in dollars; None = none."""
    price_usd: tuple[float, float] | None = None
    """Dollars per million tokens of requests and of replies.

    None = unknown, on loopback nothing.
    """
    concurrency: int = 0
    """The number of concurrent requests; 0 = 4, on loopback 1."""
    per_request: int = 0
    """The number of highlights of a document in a request; 0 = 5, on loopback 1."""
    extra_body: Mapping[str, Any] = {}
    timeout_s: float = 0.0
    """How long the server may be silent, in seconds.

    0 = 120, on loopback 600, where it may have no graphics card.
    """
    reply_s: float = 600.0
    """How long a request may take from its start, until the whole reply is there."""
    retries: int = 3
    """How often `openai` asks again.

    After 0.5 s, then twice as long each time, or as the server says.
    """
    workspace: str = "DIR"
    """The workspace, for commands to copy."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigError(
                "llm.model: no model is set", hint="for example qwen3:8b or gpt-5-mini"
            )
        if not _is_name(self.model):
            # half a character of another encoding, for example
            message = "llm.model: no model has such a name"
            raise ConfigError(message, hint="type it again: ankiforge model list")
        for name in _OURS:
            if name in self.extra_body:
                message = f"llm.extra_body: {name!r} is set by the program"
                raise ConfigError(message, hint="remove it")
        if self.local and is_of_a_cloud(self.model):
            raise not_of_this_machine(self.model)
        if self.budget_usd is not None and self.price is None:
            model = f"{self.model!r} at {self.host}"
            raise ConfigError(
                f"llm.budget_usd: the price of {model} is not known",
                hint="set `llm.price_usd: [in, out]`, dollars per million tokens",
            )

    @property
    def host(self) -> str:
        """Return the host for display: `api.openai.com`, `127.0.0.1:11434`."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url

    @property
    def local(self) -> bool:
        """Return whether the server is on this machine."""
        return is_loopback(self.base_url)

    @property
    def key_name(self) -> str:
        """Return the environment variable of the key that is sent; "" if none is."""
        return key_variable(LLM, self.base_url, self.key_env)

    @property
    def key(self) -> str:
        """Return the key from the environment; "" if there is none."""
        return key_for(LLM, self.base_url, self.key_env)

    def checked_key(self) -> str:
        """Return the key, which is optional on loopback and if no variable is named.

        Raises:
            ConfigError: the key is missing, or cannot be sent in a header.
        """
        key = self.key
        name = self.key_name
        if name and not key and not self.local:
            raise ConfigError(
                f"llm.key_env: the environment variable {name} is not set",
                hint=f"export {name}=… before the run",
            )
        if not key.isascii() or not key.isprintable():
            raise ConfigError(
                f"the key in {name} contains characters that no key has",
                hint="copy it again, without a line end",
            )
        return key

    @property
    def silence_s(self) -> float:
        """Return how long the server may be silent, in seconds."""
        default = 600.0 if self.local else 120.0
        return self.timeout_s or default

    @property
    def threads(self) -> int:
        """Return the number of concurrent requests."""
        default = 1 if self.local else 4
        return self.concurrency or default

    @property
    def batch(self) -> int:
        """Return the number of highlights in a request."""
        default = 1 if self.local else 5
        return self.per_request or default

    @property
    def price(self) -> tuple[float, float] | None:
        """Return `price_usd`; on loopback, models are free."""
        if self.price_usd is None and self.local:
            return (0.0, 0.0)
        return self.price_usd

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return the cost of tokens in dollars; None if the price is unknown."""
        if self.price is None:
            return None
        price_in, price_out = self.price
        return (tokens_in * price_in + tokens_out * price_out) / 1e6


def is_of_a_cloud(model: str) -> bool:
    """Return whether the name is that of a model that Ollama hands on to its cloud."""
    return _OF_A_CLOUD.search(model.casefold()) is not None


def not_of_this_machine(model: str) -> ConfigError:
    """Return the error that a model runs elsewhere, with the command that says to whom it sends."""
    address = "https://ollama.com/v1"
    name = _OF_A_CLOUD.sub("", model)
    return ConfigError(
        f"{model} runs at ollama.com, not on this machine",
        hint=f"ankiforge model use {address} --model {name} --key-env OLLAMA_API_KEY",
    )


# --- usage ----------------------------------------------------------------------------


class Usage(Value):
    """The usage of a run. Dollars are None if a price is unknown."""

    requests: int = 0
    """The number of replies from the server."""
    cached: int = 0
    """The number of replies that were kept from before."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    characters: int = 0
    """Those of the reader's material that were sent."""
    local: bool = False
    """Whether the server is on this machine."""


# --- the budget -----------------------------------------------------------------------

BUDGET = "llm.budget_usd"
"""The place named in problems with the budget."""


class BudgetError(ItemError):
    """The request was not sent because nothing is left."""


class Budget:
    """The usage of a run and its remaining budget. Thread-safe."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._changing = threading.Lock()
        self.usage = Usage(cost_usd=settings.cost(0, 0), local=settings.local)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until a request may be sent: one at a time if there is a limit, so that it is kept.

        Raises:
            BudgetError: the limit is reached.
        """
        limit = self._settings.budget_usd
        if limit is None:
            yield
            return
        with self._turn:
            spent = self.usage.cost_usd or 0.0
            if spent >= limit:
                raise BudgetError(
                    f"the budget of ${limit:g} is used up",
                    hint="raise llm.budget_usd, or run again: only the rest is sent",
                )
            yield

    def count_new(
        self,
        tokens_in: int,
        tokens_out: int,
        characters: int = 0,
    ) -> None:
        """Count a reply from the server."""
        with self._changing:
            total_in = self.usage.tokens_in + tokens_in
            total_out = self.usage.tokens_out + tokens_out
            self.usage = replace(
                self.usage,
                requests=self.usage.requests + 1,
                tokens_in=total_in,
                tokens_out=total_out,
                cost_usd=self._settings.cost(total_in, total_out),
                characters=self.usage.characters + characters,
            )

    def count_cached(self) -> None:
        """Count a reply that was kept."""
        with self._changing:
            self.usage = replace(self.usage, cached=self.usage.cached + 1)


# === providers ========================================================================

# --- providers --------------------------------------------------------------------------


class Provider(Value):
    """A row of `providers.txt`."""

    name: str
    """As `model use` takes it."""
    key_env: str
    """The environment variable in which its users keep their key."""
    base_url: str
    model: str
    price_usd: tuple[float, float] | None
    """Dollars per million tokens of requests and of replies; None = not known."""
    source: str
    """The page with the price, and when it was read; "" without a price."""


def providers(environ: Texts = os.environ) -> Iterator[Provider]:
    """Yield the providers, the likeliest first; OpenAI's where OPENAI_BASE_URL leads its client.

    It is left out if that address is none, or holds a password: see `openai_elsewhere`.
    """
    elsewhere = openai_elsewhere(environ)
    table = Path(__file__).with_name("providers.txt").read_text("utf-8")
    for line in table.splitlines():
        if line.startswith("#"):
            continue
        name, key_env, base_url, model, price_in, price_out, source = line.split(None, 6)
        price = None if price_in == "-" else (float(price_in), float(price_out))
        if name == "openai" and elsewhere and not any(origin(elsewhere)):
            continue
        if name == "openai" and elsewhere and origin(elsewhere) != origin(base_url):
            base_url = elsewhere
            price = None
        yield Provider(name, key_env, base_url, model, price, source if price else "")


def openai_elsewhere(environ: Texts = os.environ) -> str:
    """Return the address in OPENAI_BASE_URL; "" if it is not set."""
    return environ.get("OPENAI_BASE_URL", "").strip().rstrip("/")


def with_key(environ: Texts = os.environ) -> Iterator[Provider]:
    """Yield the providers whose key is in the environment."""
    for provider in providers(environ):
        if environ.get(provider.key_env, "").strip():
            yield provider


# --- models -----------------------------------------------------------------------------

SMALL_MODEL = 14.0
"""The size, in billions of parameters, up to which a model works in readable steps."""
ENOUGH_FOR_CARDS = 7.0
"""The size from which a model is not called too small for cards."""
_SIZE = regex(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = regex(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)")
_NO_WRITER = regex(
    r"embed|rerank|whisper|minilm|paraphrase|\btts\b|(?:^|[/_-])(?:bge|e5|gte|clip)(?=[-_:]|$)"
)
_CODE = regex(r"cod(?:e|er)\b|codellama|starcoder|codestral")


def billions(model: str) -> float | None:
    """Return the size that the name of a model gives; None if it gives none."""
    sizes: list[float] = []
    for experts, size, unit in _SIZE.findall(model.casefold()):
        share = float(size) / (1000 if unit == "m" else 1)
        sizes.append(int(experts or 1) * share)
    return max(sizes, default=None)


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model is to be asked about one highlight at a time, by its name's size.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. A model without a size in its name counts as small if the server runs on
    this machine, unless the name is that of a hosted service.
    """
    size = billions(model)
    if size is not None:
        return size <= SMALL_MODEL
    return is_loopback(base_url) and _HOSTED.search(model.casefold()) is None


def what_is_known(base_url: str, model: str) -> str:
    """Return in words how good the questions of a model on a server are.

    Source: of 19 cards of a model of 1.5 billion parameters, with the shipped prompt, none was a
    question.
    """
    size = billions(model)
    if size is not None and size < ENOUGH_FOR_CARDS:
        return (
            "too small: hardly any of its cards can be used. Let your chat ask (ankiforge draft),"
            f" or take a model of {ENOUGH_FOR_CARDS:g} billion parameters or more (7b)"
        )
    if is_small_model(base_url, model):
        return "the questions of so small a model were not measured"
    return "of a strong model's questions, 4 in 5 are ready"


def best_first(names: Sequence[str]) -> Strings:
    """Return the models that write text, the likeliest to write good questions first."""

    def rank(name: str) -> tuple[bool, float]:
        return bool(_CODE.search(name.casefold())), -(billions(name) or 0.0)

    writers = [name for name in names if not _NO_WRITER.search(name.casefold())]
    return tuple(sorted(writers, key=rank))


class Purpose(Value):
    """What a model is chosen for."""

    name: str
    """As `model use --for` takes it."""
    best_first: Callable[[Sequence[str]], Strings]
    """Returns the models of a server that are of use, by their names, the best first."""
    usual: Texts
    """By provider or program, the model that is taken if none is named."""


DRAFTING = Purpose("drafting", best_first, {"ollama": LlmSettings().model})


# --- servers on this machine ------------------------------------------------------------


class ModelServer(Value):
    """A model server on this machine that answered."""

    name: str
    """As `model use` takes it."""
    program: str
    base_url: str
    models: Strings
    """Those that are of use, the best first."""


PROGRAMS = {"ollama": "Ollama", "lmstudio": "LM Studio", "llama.cpp": "llama.cpp"}
"""Programs on this machine, by the name that `model use` takes."""
LOCAL_SECONDS = 0.3
"""The limit for each step of the exchange with a server that may run on this machine."""
STEPS = 4
"""How many times the limit of a step the question for the models of a server may take."""
LONGEST_S = STEPS * LOCAL_SECONDS
"""The time in which every server on this machine that runs has answered."""


def _places(environ: Texts, home: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, address) of the places at which a server may answer.

    Ollama's own variable and LM Studio's own settings name another port than the usual one.
    """
    host = environ.get("OLLAMA_HOST", "").strip()
    parts = urlsplit(host if "://" in host else f"//{host}")
    with suppress(ValueError):
        at = (parts.hostname or "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
        address = f"http://[{at}]" if ":" in at else f"http://{at}"
        yield "ollama", f"{address}:{parts.port or 11434}/v1"

    port = 1234
    settings = home / ".lmstudio" / ".internal" / "http-server-config.json"
    with suppress(OSError, ValueError, TypeError, LookupError, RecursionError):
        port = int(json.loads(settings.read_bytes())["port"])
    yield "lmstudio", f"http://127.0.0.1:{port}/v1"
    yield "llama.cpp", "http://127.0.0.1:8080/v1"


def look(
    environ: Texts = os.environ,
    home: Path | None = None,
    purpose: Purpose = DRAFTING,
) -> Callable[[float], tuple[ModelServer, ...]]:
    """Begin to look for the servers on this machine, in the background.

    Args:
        environ: the environment, which may name their ports.
        home: the folder with their settings; None for the person's.
        purpose: what a model of theirs is to be for.

    Returns:
        A function that waits at most so many seconds, and returns the servers that have listed
        a model of use until then.
    """
    found: dict[str, ModelServer] = {}

    def ask(name: str, base_url: str) -> None:
        _, host, port = origin(base_url)
        with suppress(OSError, OverflowError, Unreachable):
            # a closed port costs nothing, not even the import of the client
            socket.create_connection((host, port), LOCAL_SECONDS).close()
            listed = models(base_url, timeout=LOCAL_SECONDS)
            elsewhere = handed_on(base_url, listed, timeout=LOCAL_SECONDS)
            here = purpose.best_first([each for each in listed if each not in elsewhere])
            if here:
                found[name] = ModelServer(name, PROGRAMS[name], base_url, here)

    places = [
        place for place in _places(environ, home or Path.home()) if is_loopback(place[1])
    ]
    threads = []
    for place in places:
        thread = threading.Thread(target=ask, args=place, daemon=True)
        thread.start()
        threads.append(thread)

    def answered(seconds: float) -> tuple[ModelServer, ...]:
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
        return tuple(found[name] for name, *_ in places if name in found)

    return answered


# --- the models of one server -----------------------------------------------------------


class Unreachable(Exception):
    """The server did not answer with a list of models, for the reason in the message."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status
        """The HTTP status; 0 if there was no answer."""


def models(base_url: str, key: str = "", timeout: float = 3.0) -> Strings:
    """Return the names of the models that an OpenAI-compatible server offers.

    Args:
        base_url: the URL as in the settings, such as `http://127.0.0.1:11434/v1`.
        key: sent as a bearer token, if not empty; never to where a redirect leads.
        timeout: the limit in seconds for each step of the exchange; all together have
            `STEPS` times as long.

    Returns:
        The names, without what no model is called.

    Raises:
        Unreachable: there is no connection, or the answer is an error or not a list of
            models.
    """
    if not (key.isascii() and key.isprintable()):
        raise Unreachable("was not contacted: the key contains invalid characters")
    listed = _asked(f"{base_url.rstrip('/')}/models", key, timeout)
    try:
        names = [str(model["id"]) for model in listed["data"]]
    except (TypeError, LookupError) as error:
        raise Unreachable("is not a language model server") from error
    return tuple(without_secret(name, key) for name in names if _is_name(name))


def _is_name(name: str) -> bool:
    """Return whether a model may have this name; those of files on a disk are the longest."""
    return name.isprintable() and len(name) <= 200


def handed_on(base_url: str, listed: Sequence[str], timeout: float = 3.0) -> Strings:
    """Return those of the models of a server on this machine that it has run on another one.

    Ollama lists the models of its cloud among the others, some without `cloud` in their name.
    """
    elsewhere = [name for name in listed if is_of_a_cloud(name)]
    # each name of Ollama's has a tag; other servers log a question that they do not know
    if any(":" in name for name in listed):
        with suppress(Unreachable, TypeError, LookupError, AttributeError):
            tags = _asked(
                f"{base_url.rstrip('/').removesuffix('/v1')}/api/tags", "", timeout
            )
            elsewhere += [
                each["name"] for each in tags["models"] if each.get("remote_host")
            ]
    return tuple(elsewhere)


def _asked(url: str, key: str, timeout: float) -> Any:
    """Return the JSON with which a server answers.

    Raises:
        Unreachable: there is no connection, or the answer is an error or no JSON.
    """
    import httpx2 as httpx

    from ankiforge.config.http import BoundedClient

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    use_proxy = not is_loopback(url)
    try:
        # certificates take a while to load
        with BoundedClient(
            headers=headers,
            timeout=timeout,
            trust_env=use_proxy,
            verify=not url.startswith("http:"),
        ) as client:
            request = client.build_request("GET", url)
            answer = client.fetched(request, STEPS * timeout)
        if answer.status_code != 200:
            phrase = without_secret(answer.reason_phrase, key)
            status = f"{answer.status_code} {phrase}".strip()
            raise Unreachable(f"answers {status}", answer.status_code)
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Unreachable(
            f"does not answer ({without_secret(str(error), key)})",
        ) from error
    except (ValueError, RecursionError) as error:
        raise Unreachable("is not a language model server") from error
