"""Where a model can be had: providers for which a key is set, and servers on this machine.

Nothing is sent to a provider here. Only ports of this machine are looked at, and
`models` asks the one server that it is given.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ankiforge.config import is_loopback, origin
from ankiforge.draft.server import is_of_a_cloud
from ankiforge.model import Strings, Texts, Value
from ankiforge.text import regex
from ankiforge.text.secrets import without_secret

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
    """Yield the providers, the likeliest first; OpenAI's where OPENAI_BASE_URL leads its client."""
    elsewhere = environ.get("OPENAI_BASE_URL", "").strip().rstrip("/")
    table = Path(__file__).with_suffix(".txt").read_text("utf-8")
    for line in table.splitlines():
        if line.startswith("#"):
            continue
        name, key_env, base_url, model, price_in, price_out, source = line.split(None, 6)
        price = None if price_in == "-" else (float(price_in), float(price_out))
        if name == "openai" and elsewhere and origin(elsewhere) != origin(base_url):
            base_url = elsewhere
            price = None
        yield Provider(name, key_env, base_url, model, price, source if price else "")


def with_key(environ: Texts = os.environ) -> Iterator[Provider]:
    """Yield the providers whose key is in the environment."""
    for provider in providers(environ):
        if environ.get(provider.key_env, "").strip():
            yield provider


# --- models -----------------------------------------------------------------------------

SMALL_MODEL = 14.0
"""The size, in billions of parameters, up to which a model works in readable steps."""
_SIZE = regex(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = regex(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)")
_NO_WRITER = regex(
    r"embed|rerank|whisper|minilm|paraphrase|\btts\b|(?:^|[/_-])(?:bge|e5|gte|clip)(?=[-_:]|$)"
)
_CODE = regex(r"cod(?:e|er)\b|codellama|starcoder|codestral")
_KNOWN = {
    2.0: "behind the gaps; of a 1.5 B model, 1 in 4 ready",
    SMALL_MODEL: "behind the gaps; this size was not measured",
    float("inf"): "first; of a strong model, 4 in 5 ready",
}
"""Where the questions of models up to a size stand, and what was measured (by_hand.md)."""


def billions(model: str) -> float | None:
    """Return the size that the name of a model gives; None if it gives none."""
    sizes: list[float] = []
    for experts, size, unit in _SIZE.findall(model.casefold()):
        share = float(size) / (1000 if unit == "m" else 1)
        sizes.append(int(experts or 1) * share)
    return max(sizes, default=None)


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model needs the short prompt, judged by the size in its name.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. A model without a size in its name counts as small if the server runs on
    this machine, unless the name is that of a hosted service.
    """
    size = billions(model)
    if size is not None:
        return size <= SMALL_MODEL
    return is_loopback(base_url) and _HOSTED.search(model.casefold()) is None


def what_is_known(base_url: str, model: str) -> str:
    """Return in words how a model on a server is asked, and how good its cards are."""
    size = float("inf")
    if is_small_model(base_url, model):
        size = billions(model) or SMALL_MODEL
    known = next(words for most, words in _KNOWN.items() if size <= most)
    return f"questions {known}"


def best_first(names: Sequence[str]) -> Strings:
    """Return the models that write text, the likeliest to write good questions first."""

    def rank(name: str) -> tuple[bool, float]:
        return bool(_CODE.search(name.casefold())), -(billions(name) or 0.0)

    writers = [name for name in names if not _NO_WRITER.search(name.casefold())]
    return tuple(sorted(writers, key=rank))


# --- servers on this machine ------------------------------------------------------------


class Server(Value):
    """A model server on this machine that answered."""

    name: str
    """As `model use` takes it."""
    program: str
    base_url: str
    models: Strings
    """Those that write text, the best first."""


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
    environ: Texts = os.environ, home: Path | None = None
) -> Callable[[float], tuple[Server, ...]]:
    """Begin to look for the servers on this machine, beside what the caller does.

    Returns:
        A function that waits at most so many seconds, and returns the servers that have listed
        a model that writes text until then.
    """
    found: dict[str, Server] = {}

    def ask(name: str, base_url: str) -> None:
        _, host, port = origin(base_url)
        with suppress(OSError, OverflowError, Unreachable):
            # a closed port costs nothing, not even the import of the client
            socket.create_connection((host, port), LOCAL_SECONDS).close()
            listed = models(base_url, timeout=LOCAL_SECONDS)
            elsewhere = handed_on(base_url, listed, timeout=LOCAL_SECONDS)
            writers = best_first([each for each in listed if each not in elsewhere])
            if writers:
                found[name] = Server(name, PROGRAMS[name], base_url, writers)

    places = [
        place for place in _places(environ, home or Path.home()) if is_loopback(place[1])
    ]
    threads = []
    for place in places:
        thread = threading.Thread(target=ask, args=place, daemon=True)
        thread.start()
        threads.append(thread)

    def answered(seconds: float) -> tuple[Server, ...]:
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

    Raises:
        Unreachable: there is no connection, or the answer is an error or not a list of
            models.
    """
    if not (key.isascii() and key.isprintable()):
        raise Unreachable("was not contacted: the key contains invalid characters")
    listed = _asked(f"{base_url.rstrip('/')}/models", key, timeout)
    try:
        names = (str(model["id"]) for model in listed["data"])
        return tuple(without_secret(name, key) for name in names)
    except (TypeError, LookupError) as error:
        raise Unreachable("is not a language model server") from error


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

    from ankiforge.config.http import within

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    use_proxy = not is_loopback(url)
    try:
        # certificates take a while to load
        with httpx.Client(
            headers=headers,
            timeout=timeout,
            trust_env=use_proxy,
            verify=not url.startswith("http:"),
        ) as client:
            answer = within(STEPS * timeout, lambda: client.get(url), client.close)
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
