"""Tables of small decisions: words, scores, vectors, the sentence that answers."""

import sys
from types import ModuleType

import pytest
from msgspec.structs import replace

from ankiforge.errors import ServiceError
from ankiforge.features.ask import embedder, index, work
from ankiforge.features.ask.index import WordMatch, combine_scores, compute_word_bonus
from ankiforge.model import (
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
)

SENTENCES = (
    "Short one. The heart pumps blood all day. The lungs take in fresh air all day long."
)
PASSAGE = Highlight(
    Document(DocumentKey("d"), "v", "Hearts"),
    "v",
    HighlightKind.HIGHLIGHT,
    SENTENCES,
    HighlightKey("v:v/p"),
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("spaced-repetition: gedächtnis", ["spaced", "repetition", "gedächtnis"]),
        ("a - * \" ' 記 憶", ["a", "記", "憶"]),
    ],
)
def test_the_words_of_a_text_are_those_of_the_index(text, words):
    assert index.split_words(text) == words


# --- what answers a question --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("what pumps blood", "The heart pumps blood all day. "),
        ("what takes air", "The lungs take in fresh air all day long."),
        ("quantum", "The lungs take in fresh air all day long."),  # the longest
    ],
)
def test_the_sentence_of_a_passage_with_most_words_of_a_question(question, sentence):
    choice = work._find_candidate_sentences(PASSAGE)
    wanted = index.parse_query_words(question)
    start, end = work._choose_best_sentence(PASSAGE, choice, wanted)
    assert SENTENCES[start:end].strip() == sentence.strip()


def test_a_card_and_a_passage_of_one_sentence_are_shown_whole():
    assert work._find_candidate_sentences(replace(PASSAGE, kind=HighlightKind.CARD)) == []
    assert (
        work._find_candidate_sentences(
            replace(PASSAGE, exact="The heart pumps blood all day.")
        )
        == []
    )
    words = index.parse_query_words("heart")
    assert work._choose_best_sentence(PASSAGE, [], words) is None


# --- one score ---


def test_words_count_only_if_they_are_nearly_half_of_the_question():
    few, most = WordMatch(9.0, 0.3), WordMatch(9.0, 0.9)
    near = {"a": 0.80, "b": 0.82}
    assert combine_scores({"a": few}, near, 0.02) == near
    assert combine_scores({"a": most}, near, 0.02)["a"] > 0.82
    assert combine_scores({"c": WordMatch(1.0, 1.0)}, near, 0.02)["c"] > 0.82
    assert combine_scores({"a": most}, {}) == {"a": 9.0}
    assert compute_word_bonus(0.45, 0.1) == 0


@pytest.mark.parametrize("size", [1, 3, 512])
def test_a_vector_in_whole_numbers_has_nearly_the_same_cosine(size):
    one = [((7 * n) % 11) - 5.5 for n in range(size)]
    other = [((5 * n) % 13) - 6.5 for n in range(size)]
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = sum(a * a for a in one) ** 0.5 * sum(b * b for b in other) ** 0.5
    packed = embedder.pack_vector([number / 1e20 for number in one])
    near = embedder.compute_cosines(
        packed, {"other": embedder.pack_vector(other), "short": b"1234"}
    )
    assert near == {"other": pytest.approx(dot / lengths, abs=0.02)}


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
