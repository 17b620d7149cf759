"""The settings of a model server, the usage of a run, and the budget."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from ankiforge.config import LLM, is_loopback, key_for, key_variable
from ankiforge.errors import ConfigError, ItemError
from ankiforge.model import Value
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
    model_file: str = ""
    """The built-in model, which is started when it is asked; "" = the server runs already."""
    secret: str = ""
    """The key of the built-in model, which is made when it is started."""
    workspace: str = "DIR"
    """The workspace, for commands to copy."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigError(
                "llm.model: no model is set", hint="for example qwen3:8b or gpt-5-mini"
            )
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
        """Return the host for display: `api.openai.com`, `127.0.0.1:11434`.

        Of a built-in model its name, because its port is another one each time.
        """
        if self.model_file:
            return f"{self.model} on this machine"
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url

    @property
    def local(self) -> bool:
        """Return whether the server is on this machine."""
        return is_loopback(self.base_url)

    @property
    def key_name(self) -> str:
        """Return the environment variable of the key that is sent; "" if none is."""
        if self.model_file:
            return ""
        return key_variable(LLM, self.base_url, self.key_env)

    @property
    def key(self) -> str:
        """Return the key from the environment; "" if there is none."""
        if self.model_file:
            return self.secret
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
