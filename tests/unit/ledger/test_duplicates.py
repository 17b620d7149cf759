"""The duplicate index of a ledger finds what an index in memory finds, at every moment."""

import random
from contextlib import suppress

import pytest

from ankiforge import review
from ankiforge.check import DuplicateIndex, terms_of
from ankiforge.errors import RefusedError
from ankiforge.model import (
    CardKind,
    Draft,
    ForeignNote,
    HighlightKey,
    Origin,
    Standing,
    Verdict,
)
from ankiforge.review import Target

WORDS = ["helicase", "unwinds", "dna", "enzyme", "entropy", "disorder", "osmosis", "water", "membrane", "1905", "1648", "axon", "treaty", "westphalia", "cell", "nucleus", "人口", "首都", "東京", "light", "speed"]  # fmt: skip
NOWHERE = HighlightKey("vault:notes/elsewhere")


def basic(front: str, back: str) -> Draft:
    fields = (("Front", front), ("Back", back))
    return Draft(HighlightKey(""), CardKind.BASIC, fields, "", "", 0, Origin("test"))


def no_findings(draft, highlight):
    return ()


class Deck:
    """Cards of random words, and every way in which they change."""

    def __init__(self, bench, seed: int) -> None:
        self.bench, self.chance = bench, random.Random(seed)
        self.notes: list[list[str]] = []

    def front(self) -> str:
        words = self.chance.choices(WORDS, k=self.chance.randint(2, 5))
        return f"What is {' '.join(words)}?"

    def more(self) -> None:
        self.notes.append([self.front() for _ in range(4)])
        self.read()

    def read(self) -> None:
        bench = self.bench
        run, _ = bench.read(
            {
                f"{n}.md": [bench.qa(front, WORDS[n % len(WORDS)]) for front in fronts]
                for n, fronts in enumerate(self.notes)
            }
        )
        bench.forge(run)

    def cards(self, verdict: Verdict | None = None):
        return [
            card
            for card in self.bench.ledger.cards.all()
            if card.standing is Standing.LIVE and verdict in (None, card.verdict)
        ]

    def reject(self) -> None:
        review.reject(self.bench.ledger, [Target(self.chance.choice(self.cards()))], "dull")

    def restore(self) -> None:
        if rejected := self.cards(Verdict.REJECTED):
            review.restore(self.bench.ledger, [Target(rejected[0])])

    def edit(self) -> None:
        card = self.chance.choice(self.cards())
        review.edit(
            self.bench.ledger, Target(card), (("Front", self.front()), ("Back", "me")), no_findings
        )

    def undo(self) -> None:
        review.undo(self.bench.ledger)

    def rewrite(self) -> None:
        self.chance.choice(self.notes)[:1] = [self.front()]
        self.read()

    def cut(self) -> None:
        del self.chance.choice(self.notes)[-1:]
        for _ in range(2):
            self.bench.clock.pass_seconds(60)
            self.read()

    def in_memory(self) -> DuplicateIndex:
        index = DuplicateIndex()
        for card in sorted(self.cards(), key=lambda card: card.guid):
            if card.verdict is not Verdict.REJECTED:
                index.add(card.guid, card.highlight.key, basic(*(text for _, text in card.fields)))
        return index


@pytest.mark.parametrize("seed", range(6))
def test_it_finds_what_an_index_in_memory_finds_after_every_change(bench, seed):
    deck = Deck(bench, seed)
    deck.more()
    kept = DuplicateIndex(bench.ledger.duplicates)
    steps = (deck.more, deck.reject, deck.restore, deck.edit, deck.undo, deck.rewrite, deck.cut)
    for _ in range(25):
        with suppress(RefusedError):  # of nothing there is no undo, of a rejected card no edit
            deck.chance.choice(steps)()
        if deck.chance.random() < 0.1:
            bench.reopen()
            kept = DuplicateIndex(bench.ledger.duplicates)
        afresh, expected = DuplicateIndex(bench.ledger.duplicates), deck.in_memory()
        for index in (kept, afresh):
            index.refresh()
        for front in [deck.front() for _ in range(4)] + [deck.cards()[0].fields[0][1]]:
            draft = basic(front, deck.chance.choice(WORDS))
            wanted = (expected.exact(draft, NOWHERE), list(expected.near(draft, NOWHERE)))
            for index in (kept, afresh):
                assert (index.exact(draft, NOWHERE), list(index.near(draft, NOWHERE))) == wanted


def only(bench, front: str, back: str = "helicase") -> str:
    run, _ = bench.read({"a.md": [bench.qa(front, back)]})
    [guid] = bench.forge(run)
    return guid


def named(index: DuplicateIndex, front: str = "Which enzyme unwinds the DNA helix?") -> list[str]:
    return [found.twin for found in index.near(basic(front, "Helicase"), NOWHERE)]


def test_what_was_rolled_back_is_not_found(bench):
    guid = only(bench, "What enzyme unwinds DNA?")
    index = DuplicateIndex(bench.ledger.duplicates)
    index.refresh()

    with pytest.raises(ZeroDivisionError), bench.ledger.unit():
        bench.ledger.decisions.change(guid, "reject", {"verdict": "rejected"})
        raise ZeroDivisionError

    index.refresh()
    assert named(index) == [guid]


def test_what_another_program_rejected_is_found_no_more(bench):
    guid = only(bench, "What enzyme unwinds DNA?")
    index = DuplicateIndex(bench.ledger.duplicates)
    index.refresh()
    assert named(index) == [guid]

    with bench.open() as other:
        review.reject(other, [Target(other.cards.get(guid))], "dull")

    index.refresh()
    assert named(index) == []


def test_cards_about_to_change_can_be_hidden(bench):
    guid = only(bench, "What enzyme unwinds DNA?")
    index = DuplicateIndex(bench.ledger.duplicates)

    index.refresh({guid})
    hidden = (named(index), index.exact(basic("What enzyme unwinds DNA?", "helicase"), NOWHERE))
    index.refresh()

    assert hidden == ([], None)
    assert named(index) == [guid]
    assert index.exact(basic("What enzyme unwinds DNA?", "helicase"), NOWHERE) == guid


def test_search_terms_of_another_version_are_made_again(bench):
    guid = only(bench, "What enzyme unwinds DNA?")
    store = bench.ledger.duplicates
    [(_, words)] = store.unread("old", 10)
    store.keep([(guid, terms_of(basic("What is entropy?", "disorder")))])
    assert words.fields[0] == ("Front", "What enzyme unwinds DNA?")

    index = DuplicateIndex(store)
    index.refresh()

    assert named(index) == [guid]
    assert named(index, "What is entropy?") == []


def test_words_that_changed_while_they_were_read_are_read_again(bench):
    guid = only(bench, "What enzyme unwinds DNA?")
    store = bench.ledger.duplicates
    [(_, words)] = store.unread("2", 10)
    card = bench.ledger.cards.get(guid)
    review.edit(
        bench.ledger,
        Target(card),
        (("Front", "What is entropy?"), ("Back", "disorder")),
        no_findings,
    )

    store.keep([(guid, terms_of(words))])

    [(_, now)] = store.unread("2", 10)
    assert now.fields[0] == ("Front", "What is entropy?")


def test_a_note_that_is_not_ours_is_told_of_and_never_an_exact_repeat(bench):
    foreign = bench.ledger.foreign
    words = (("Front", "What enzyme unwinds DNA?"), ("Back", "helicase"))
    notes = [ForeignNote(1, 5, "Bio", words), ForeignNote(2, 5, "Bio", ())]
    foreign.read("collection", "once", frozenset({1, 2}), notes)
    index = DuplicateIndex(bench.ledger.duplicates)
    index.refresh()

    [found] = index.near(basic("Which enzyme unwinds the DNA helix?", "Helicase"), NOWHERE)
    assert found.message == "resembles a note in Anki, deck Bio: “What enzyme unwinds DNA?”"
    assert found.twin == "nid:1"
    assert index.exact(basic("What enzyme unwinds DNA?", "helicase"), NOWHERE) is None

    foreign.read("collection", "again", frozenset({2}), ())
    index.refresh()
    assert named(index) == []
