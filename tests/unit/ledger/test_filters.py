"""QUERY: which cards and highlights are meant, asked of a ledger."""

import pytest

from ankiforge import review
from ankiforge.errors import UsageError
from ankiforge.ledger.conditions import Facets
from ankiforge.model import (
    Checked,
    Document,
    DocumentKey,
    Finding,
    Guid,
    Origin,
    Severity,
)
from ankiforge.review import Target
from ankiforge.review.query import FIELDS, parse

PAPER = Document(
    DocumentKey("vault:notes/paper"),
    "papers",
    "Attention is all you need",
    "paper.md",
    identifiers=(("doi", "10.5555/3295222"),),
    tags=("two words",),
)
PLAIN = Document(DocumentKey("vault:notes/b"), "notes", "B", "b.md")
FRONT = "What does the **C++** decoder of Schrödinger use?"
WARNED = Finding("list_gt3", Severity.WARN, "the answer is a list")


@pytest.fixture
def cards(bench) -> dict[str, Guid]:
    """Cards by name, which are no part of what is asked.

    `paper` waits, with a warning; `gray` is in a deck with brackets, of a gray mark; `choice` has
    two open candidates; `revised` is accepted with a correction; `rejected` was accepted with one.
    `bare` is a highlight without a card.
    """
    bench.document = lambda path: PAPER if path == "paper.md" else PLAIN
    marks = {
        "paper": bench.mark(
            "The decoder uses masked self-attention.", colour="#ffd400", tags=("ml/transformers",)
        ),
        "gray": bench.mark("Some greyish words.", colour="#aaaaaa"),
        "choice": bench.mark("A choice between two.", colour="#00ffff"),
        "revised": bench.mark("A card with a correction."),
        "rejected": bench.mark("A card that was turned down."),
        "bare": bench.mark("No card is made of these zebras.", colour="#ff0000", tags=("zoo",)),
    }
    run, _ = bench.read({"paper.md": [marks["paper"]], "b.md": list(marks.values())[1:]})
    found = {one.exact: one for one in bench.ledger.highlights.seen_in(run)}
    read = {name: found[mark.exact] for name, mark in marks.items()}

    def record(name: str, *drafts, deck: str = "Other", findings=(), accept: bool = False):
        checked = [Checked(draft, tuple(findings), deck=deck, accept=accept) for draft in drafts]
        bench.record(run, read[name], *checked)
        [card] = bench.ledger.cards.of_highlight(read[name].key)
        return card

    def draft(name: str, front: str, back: str, **more):
        fields = (("Front", front), ("Back", back))
        return bench.draft(read[name], fields=fields, answer=back, **more)

    made = {
        "paper": record(
            "paper",
            draft(
                "paper", FRONT, "cross-validation", tags=("exam::spring",),
                origin=Origin("rules:acronym", prompt="cards@1a2b3c4d"),
            ),
            deck="Reading::Papers",
            findings=(WARNED,),
        ),
        "gray": record("gray", draft("gray", "the atom", "see http://example.org at 12:30"),
                       deck="[draft]"),
        "choice": record(
            "choice",
            draft("choice", "Which decoder?", "the first", intent=1),
            draft("choice", "What bends light?", "Gravity", intent=1, origin=Origin("llm")),
        ),
    }  # fmt: skip
    for name in ("revised", "rejected"):
        card = record(name, draft(name, f"{name}?", "old"), accept=True)
        bench.ledger.cards.add_candidate(card.guid, Checked(draft(name, f"{name}?", "new")), "open")
        made[name] = bench.ledger.cards.get(card.guid)
    review.reject(bench.ledger, [Target(made["rejected"])])
    return {name: card.guid for name, card in made.items()}


def meant(bench, cards, query: str) -> set[str]:
    """The names of the cards that a query means, asked at once and one by one."""
    queries, terms = bench.ledger.queries, parse(query).terms
    queries.use_decks(lambda document, highlight: '["from-deck"]')
    found = set(queries.matching(terms))
    assert found == {guid for guid in cards.values() if queries.matches(guid, terms)}
    assert found == queries.filtered(cards.values(), terms)
    return {name for name, guid in cards.items() if guid in found}


ALL = {"paper", "gray", "choice", "revised", "rejected"}
REST = ALL - {"paper"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ALL),
        ("   ", ALL),
        ("decoder", {"paper", "choice"}),
        ("DECODER attention", {"paper"}),
        ('"all you need"', {"paper"}),
        ('"need you all"', set()),
        ("schrodinger", {"paper"}),
        ("cross-validation", {"paper"}),
        ('"cross validation"', {"paper"}),
        ("crossvalidation", {"paper"}),
        ("C++", {"paper"}),
        ("C#", set()),
        ("-decoder", {"gray", "revised", "rejected"}),
        ("heat", set()),  # not across two words: "the atom"
        ("atom", {"gray"}),
        ('"http://example.org"', {"gray"}),
        ("12:30", {"gray"}),
        ("gravity decoder", {"choice"}),  # any candidate of an open choice will do
        ("deck:Reading", {"paper"}),
        ("Deck:reading::papers", {"paper"}),
        ("deck:*::papers", {"paper"}),
        ("deck:Read", set()),
        ("deck:Papers", set()),
        ("deck:[draft]", {"gray"}),
        ("document:attention", {"paper"}),
        ("document:10.5555/3295222", {"paper"}),
        ("document:paper.md", {"paper"}),
        ("source:papers", {"paper"}),
        ("source:paper", set()),
        ("tag:ml", {"paper"}),
        ("tag:#ml/transformers", {"paper"}),
        ("tag:m", set()),
        ("tag:exam", {"paper"}),
        ("tag:exa", set()),
        ("tag:from-deck", ALL),
        ('tag:"two words"', {"paper"}),
        ("tag:ankiforge::doc", ALL),
        ("colour:yellow", {"paper"}),
        ("colour:#FFD400", {"paper"}),
        ("colour:red", set()),
        ("colour:gray", {"gray"}),
        ("colour:Grey", {"gray"}),
        ("colour:blue", {"choice"}),
        ("kind:basic", ALL),
        ("-kind:basic", set()),
        ("kind:cloze", set()),
        ("verdict:pending", {"paper", "gray", "choice", "revised"}),
        ("-verdict:pending", {"rejected"}),
        ("verdict:p* decoder", {"paper", "choice"}),
        ("verdict:accepted", {"revised"}),
        ("verdict:rejected", {"rejected"}),
        ("standing:live", ALL),
        ("anki:none", ALL),
        ("finding:list_gt3", {"paper"}),
        ("finding:warn", {"paper"}),
        ("finding:list", set()),
        ("finding:block", set()),
        ("-finding:*", REST),
        ("drafter:rules", ALL),
        ("drafter:rules:acronym", ALL),
        ("drafter:rule", set()),
        ("drafter:llm", {"choice"}),
        ("prompt:cards", {"paper"}),
        ("prompt:cards@1a2b*", {"paper"}),
        ("prompt:card", set()),
        ("key:vault", ALL),
        ("key:zotero", set()),
        ("deck:Reading -deck:Writing verdict:p* decoder", {"paper"}),
    ],
)
def test_a_query_means_these_cards(bench, cards, query, names):
    assert meant(bench, cards, query) == names


def test_an_id_its_beginning_and_the_run_find_cards(bench, cards):
    assert meant(bench, cards, cards["gray"]) == {"gray"}
    assert meant(bench, cards, cards["gray"][:9].upper()) == {"gray"}
    run = bench.ledger.cards.runs_of([cards["gray"]])[cards["gray"]]
    assert meant(bench, cards, f"run:{run[:6]}") == ALL
    assert meant(bench, cards, "run:2026") == set()


def test_candidates_that_were_passed_over_are_not_asked(bench, cards):
    card = bench.ledger.cards.get(cards["choice"])
    review.pick(bench.ledger, [Target(card, "a")])
    assert meant(bench, cards, "drafter:llm") == meant(bench, cards, "gravity") == set()


def test_a_candidate_is_asked_as_if_it_were_alone(bench, cards):
    def alone(name: str, query: str) -> str:
        terms = parse(query).terms
        return "".join(
            letter for letter in "ab" if bench.ledger.queries.matches(cards[name], terms, letter)
        )

    assert alone("choice", "gravity") == alone("choice", "drafter:llm") == "b"
    assert alone("choice", "decoder") == "a"
    assert alone("choice", "kind:basic deck:Other") == "ab"
    assert alone("revised", "verdict:pending") == ""
    assert alone("revised", "verdict:accepted new") == "b"


def test_highlights_without_a_card_fulfil_what_is_said_of_highlights(bench, cards):
    [key] = bench.ledger.queries.without_card()

    def fits(query: str) -> bool:
        return key in bench.ledger.queries.filtered([key, *cards.values()], parse(query).terms)

    for query in ("zebras", "tag:zoo", "colour:red", "document:b", "source:notes", "-deck:x", ""):
        assert fits(query), query
    for query in ("lions", "-zebras", "tag:zo", "kind:basic", "verdict:pending", "deck:*"):
        assert not fits(query), query


def test_doubts_numbers_clean_cards_and_facets_are_counted(bench, cards):
    queries, names = bench.ledger.queries, {guid: name for name, guid in cards.items()}

    def named(guids) -> set[str]:
        return {names[guid] for guid in guids}

    assert named(queries.filtered(cards.values(), (), doubts=["list_gt3"])) == {"paper"}
    assert named(queries.filtered(cards.values(), (), numbers=True)) == {"gray"}
    waiting = bench.ledger.cards.get(cards["gray"])
    review.edit(bench.ledger, Target(waiting), waiting.fields, lambda *_: ())
    clean = {"gray"} | named(
        guid for guid in cards.values() if review.acceptable_in_bulk(bench.ledger.cards.get(guid))
    )
    assert named(queries.clean(cards.values())) == clean
    facets = Facets.of(queries.facets(cards.values(), ["list_gt3"]).values())
    assert facets.values == {
        "Deck": {"Other": 3, "Reading::Papers": 1, "[draft]": 1},
        "Document": {"B": 4, PAPER.title: 1},
        "Colour": {"yellow": 1, "gray": 1, "blue": 1},
        "Tag": {"exam::spring": 1, "two-words": 1, "ml/transformers": 1},
        "Kind": {"basic": 5},
        "Finding": {"list_gt3": 1},
    }
    assert (facets.doubted, facets.numbers) == (1, 1)


def test_an_unknown_field_is_an_error_that_lists_them():
    with pytest.raises(UsageError) as raised:
        parse("author:ada")

    assert raised.value.exit_code == 2
    assert all(field in raised.value.hint for field in FIELDS)


@pytest.mark.parametrize(
    "query", ['"open', 'deck:"open', "-", "deck:", '""', '-""', 'a"b"', "verdict:acepted"]
)
def test_what_cannot_be_meant_is_an_error_with_a_hint(query):
    with pytest.raises(UsageError) as raised:
        parse(query)

    assert raised.value.hint
