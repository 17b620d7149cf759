"""What must be known of a server before it is asked: where, which model, at what price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ankiforge.config import LLM, is_loopback, key_variable
from ankiforge.draft.desk.prices import FREE, Price, known_models, known_price
from ankiforge.errors import ConfigError

LONG_S = 600.0
_OURS = ("model", "messages", "stream", "n")
"""Keys of a request that `extra_body` may not set."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The `llm` section, ready for use: a server, a model, and the limits of their use.

    Raises:
        ConfigError: on a value that cannot be meant.
    """

    base_url: str
    """Ends before `/chat/completions`."""
    model: str
    key_env: str = ""
    """The environment variable that holds the key; "" = the default one, if this is its address."""
    budget_usd: float | None = None
    """What one run may spend; None = no limit."""
    price_usd: tuple[float, float] | None = None
    """Dollars per million tokens (in, out); None = from the tables."""
    prices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The person's own table, by model: dollars per million tokens in, out, in again."""
    candidates: int = 1
    """How many drafts of one intent a person may pick from; 1 = no choice."""
    candidates_before: int = 0
    """How many were asked for before a default was changed: such replies are used, too; 0 = as now."""
    tags: tuple[str, ...] = ()
    """What the model says of each card, as tags: out of `bloom`, `difficulty`."""
    concurrency: int = 0
    """Requests at a time; 0 = 4, on loopback 1."""
    per_request: int = 0
    """Highlights of one document in a request; 0 = 5, on loopback 1."""
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 0.0
    """Longest silence of the server; 0 = 120, on loopback 600: it may have no graphics card."""
    total_s: float = 0.0
    """Longest time for one whole reply, and for all tries after silences together; 0 = for the
    reply as `timeout_s`, if that is set, and else ten minutes."""
    retries: int = 3
    backoff_s: float = 0.5
    """Wait before the first retry; doubled for each further one, 8 s at most. Where there are
    too many requests, eight times as long each, 30 s at most."""
    longest_wait_s: float = 300.0
    """The longest `Retry-After` that is waited for."""
    workspace: str = "DIR"
    """The folder to be named in a command that a person may copy."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def host(self) -> str:
        """Where the text goes, as a person reads it: `api.openai.com`, `127.0.0.1:11434`."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2] or self.base_url

    @property
    def local(self) -> bool:
        """Whether nothing leaves this machine."""
        return is_loopback(self.base_url)

    @property
    def key_name(self) -> str:
        """The environment variable whose key is sent; "" if none is."""
        return key_variable(LLM, self.base_url, self.key_env)

    @property
    def silence_s(self) -> float:
        """How long the server may say nothing."""
        return self.timeout_s or (600.0 if self.local else 120.0)

    @property
    def reply_s(self) -> float:
        """How long one whole reply may take."""
        return self.total_s or self.timeout_s or LONG_S

    @property
    def tries_s(self) -> float:
        """How long a request may be tried where the server is silent."""
        return self.total_s or LONG_S

    @property
    def threads(self) -> int:
        """How many requests are under way at a time."""
        return self.concurrency or (1 if self.local else 4)

    @property
    def batch(self) -> int:
        """How many highlights share a request."""
        return self.per_request or (1 if self.local else 5)

    @property
    def price(self) -> Price | None:
        """What tokens cost, None if that is unknown.

        On loopback nothing, unless the model has a list price: then it is a proxy that answers.
        """
        if self.price_usd is not None:
            return Price(*self.price_usd)
        return known_price(self.model, self.prices) or (FREE if self.local else None)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """What so many tokens cost in dollars, None if the price is unknown."""
        return None if self.price is None else self.price.cost(tokens_in, tokens_out)


def _check(settings: ServerSettings) -> None:
    parts = urlsplit(settings.base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            f"llm.base_url: {settings.base_url!r} is no http address",
            hint="like http://127.0.0.1:11434/v1",
        )
    if parts.username or parts.password:
        raise ConfigError(
            f"llm.base_url: a password for {settings.host} stands in the address",
            hint="keys come from the environment: see llm.key_env",
        )
    if not settings.model.strip():
        raise ConfigError("llm.model: no model is named", hint="like qwen3:8b or gpt-5-mini")
    if taken := [key for key in _OURS if key in settings.extra_body]:
        raise ConfigError(f"llm.extra_body: {taken[0]!r} is set by the program", hint="remove it")
    if settings.budget_usd is not None and settings.price is None:
        raise ConfigError(
            f"llm.budget_usd: the price of {settings.model!r} at {settings.host} is not known",
            hint="write it: `llm.price_usd: [in, out]`, or into prices.yaml; known are "
            + ", ".join(known_models()),
        )
