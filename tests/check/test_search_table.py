"""Which cards the search for duplicates finds, in which order, and what its findings say."""

from collections.abc import Sequence

import pytest

from ankiforge.check import DuplicateIndex, compute_search_terms
from ankiforge.model import CardContent, HighlightKey, IndexedCard, SearchTerms
from tests.check import cards

HERE, THERE = HighlightKey("vault:notes/a"), HighlightKey("vault:notes/b")
ASKED = "What enzyme unwinds the DNA helix?|helicase"
FOREIGN = "a note in Anki, deck Biology: "


def make_card(words: str) -> CardContent:
    """A card of `front|back`, or a cloze."""
    return cards.question(*words.split("|")) if "|" in words else cards.cloze(words)


class Store:
    """Cards as a workspace stores them: (id, highlight, prefix, words); "" is a deleted card."""

    def __init__(self, *rows: tuple[str, HighlightKey, str, str]) -> None:
        self.rows = {row[0]: row for row in rows}
        self.terms: dict[str, SearchTerms] = {}
        self.calls: list[str] = []

    def iter_cards_without_terms(self, version):
        self.calls.append(f"without {version}")
        for id, *_, words in self.rows.values():
            if words:
                yield f"digest {id}", make_card(words)

    def store_terms(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        self.terms |= dict(terms)

    def iter_cards(self):
        self.calls.append("all")
        gone = compute_search_terms(make_card(ASKED))
        for id, highlight, prefix, _ in self.rows.values():
            yield IndexedCard(id, highlight, prefix, self.terms.get(f"digest {id}", gone))

    def get_content(self, id):
        words = self.rows[id][-1]
        return make_card(words) if words else None


def find(index: DuplicateIndex, words: str, highlight: HighlightKey = HERE):
    return [(f.check, f.duplicate, f.message) for f in index.find_duplicates(make_card(words), highlight)]  # fmt: skip


ONE = "What unwinds DNA?"


@pytest.mark.parametrize(
    ("rows", "asked", "expected"),
    [
        pytest.param([("g", THERE, "", ASKED)], ASKED, [("duplicate", "g", f"resembles “{ASKED[:-9]}”")], id="ours"),
        pytest.param([("g", THERE, FOREIGN, ASKED)], ASKED, [("duplicate", "g", f"resembles {FOREIGN}“{ASKED[:-9]}”")], id="another tool's"),
        pytest.param([("g", HERE, "", ASKED)], ASKED, [], id="of the same highlight"),
        pytest.param([("g", THERE, "", "")], ASKED, [], id="deleted meanwhile"),
        pytest.param([("g", THERE, "", f"{ONE}|a ring of proteins")], f"{ONE}|helicase", [("same_front", "g", "“a ring of proteins”")], id="another answer"),
        pytest.param([("g", THERE, "", f"{ONE}|{'a ring ' * 9}")], f"{ONE}|helicase", [("same_front", "g", f"“{('a ring ' * 9)[:60]}”")], id="a long answer"),
        pytest.param([("g", THERE, FOREIGN, f"{ONE}|a ring of proteins")], f"{ONE}|helicase", [], id="another answer, another tool's"),
        pytest.param([("g", HERE, "", f"{ONE}|a ring of proteins")], f"{ONE}|helicase", [], id="another answer, the same highlight"),
        pytest.param(
            [("f", THERE, FOREIGN, f"{ONE}|a ring"), ("g", THERE, "", f"{ONE}|a ring"), ("h", THERE, "", f"{ONE}|a motor")],
            f"{ONE}|helicase", [("same_front", "g", "“a ring”")], id="the first of ours",
        ),
        pytest.param(
            [("g", THERE, "", f"{ONE}|the helicase"), ("h", THERE, "", f"{ONE}|a motor")],
            f"{ONE}|helicase", [("duplicate", "g", f"resembles “{ONE}”"), ("same_front", "h", "“a motor”")], id="a duplicate and another answer",
        ),
        pytest.param([("g", THERE, "", "{{c1::Helicase}} unwinds DNA.")], "{{c1::Helicase}} unwinds the DNA.", [("duplicate", "g", "resembles “Helicase unwinds DNA.”")], id="clozes"),
    ],
)  # fmt: skip
def test_what_is_found_among_stored_cards(rows, asked, expected):
    index = DuplicateIndex(Store(*rows))
    found = find(index, asked)
    assert [(check, id) for check, id, _ in found] == [row[:2] for row in expected]
    for (_, _, message), (_, _, words) in zip(found, expected, strict=True):
        assert message.endswith(words)


def test_the_earlier_text_of_a_card_is_not_found():
    index = DuplicateIndex()
    index.add("a", THERE, make_card(ASKED))
    index.add("a", THERE, make_card("What seals gaps of the DNA strand?|ligase"))
    assert find(index, ASKED) == []
    assert [id for _, id, _ in find(index, "What seals the gaps of a DNA strand?|ligase")] == ["a"]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "words", "is_found"),
    [
        (100, "ferrum", True),  # a word in so many cards is rare
        (500, "ferrum", True),  # the only word of the draft
        (501, "ferrum", False),
    ],
)
def test_a_word_in_many_cards_finds_none(count, words, is_found):
    index = DuplicateIndex()
    for number in range(count - 1):
        index.add(f"c{number}", THERE, make_card(f"{words}|word{number}x"))
    index.add("last", THERE, make_card(f"{words}|it"))
    assert ("last" in [id for _, id, _ in find(index, f"{words}|it")]) is is_found
