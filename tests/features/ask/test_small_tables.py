"""Tables of small decisions: words, scores, vectors, the sentence that answers."""

import sys
from types import ModuleType

import pytest

from ankiforge.errors import ServiceError
from ankiforge.features.ask import embedder, index


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spaced-repetition: gedächtnis", ["spaced", "repetition", "gedächtnis"]),
        ("a - * \" ' 記 憶", ["a", "記", "憶"]),
    ],
)
def test_the_words_of_a_text_are_those_of_the_index(text, words):
    assert index.split_words(text) == words


# --- one score ---


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["qwen3:8b", "bge-m3:latest"], ["bge-m3:latest"]),
        (["nomic-embed-text", "embeddinggemma"], ["embeddinggemma", "nomic-embed-text"]),
        (["bge-reranker-v2-m3", "llama3.2", "e5er"], []),
        (["intfloat/e5-small", "all-MiniLM-L6"], ["intfloat/e5-small", "all-MiniLM-L6"]),
    ],
)
def test_models_that_make_vectors_are_known_by_their_names(names, best):
    assert list(embedder.filter_embedding_models(names)) == best


# --- the model of the extra ---


@pytest.fixture
def built_in(monkeypatch):
    """Stand in for the library of the extra `meaning`, which no test installs."""
    embedder._load_built_in.cache_clear()
    library = ModuleType(embedder.BUILT_IN)
    monkeypatch.setitem(sys.modules, embedder.BUILT_IN, library)
    yield library
    embedder._load_built_in.cache_clear()


def test_the_model_of_the_extra_makes_one_vector_of_each_text(built_in):
    class Numbers(list):
        tolist = list.copy

    class Model:
        def encode(self, texts):
            long = [len(text) == embedder._MAX_TEXT_CHARS for text in texts]
            return [Numbers([float(each), -1.0]) for each in long]

    built_in.USE = Model
    here = embedder.BuiltInEmbedder()
    assert here.embed_questions([]) == []
    one, long = here.embed_questions(["ab", "a" * 100_000])
    assert one == embedder.pack_vector([0.0, -1.0])
    assert long == embedder.pack_vector([1.0, -1.0])  # so much of it is read
    assert here.embed_passages(["ab"]) == [one]


def test_a_model_of_the_extra_that_does_not_start_is_named(built_in, monkeypatch):
    monkeypatch.setitem(sys.modules, embedder.BUILT_IN, None)
    with pytest.raises(ServiceError, match="does not start") as caught:
        embedder.BuiltInEmbedder().embed_questions(["a"])
    assert "ankiforge-cards[meaning]" in caught.value.hint
