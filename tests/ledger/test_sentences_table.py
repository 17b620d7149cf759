"""Decided sentences, as rows: what is long, what a card is about, what is asked and offered."""

from contextlib import closing

import pytest
from msgspec.structs import replace

from ankiforge.ledger import Ledger, card_places, draft_groups
from ankiforge.ledger.database import to_json
from ankiforge.ledger.events import SOURCE, USER, Passage, Rejection, SentenceDecision
from ankiforge.ledger.readings import write_highlights
from ankiforge.ledger.sentence_decisions import (
    SentenceState,
    compute_sentence_similarity,
    compute_sentence_states,
    find_answer_sentence,
    find_last_decision_by_card,
    hash_card_sentence,
    hash_sentence,
    is_distinctive_sentence,
)
from ankiforge.ledger.snapshots import PassageSnapshot, RelatedDecisions
from ankiforge.ledger.tables import sentences
from ankiforge.ledger.tables import snapshots as reading
from ankiforge.model import (
    Card,
    Document,
    DocumentKey,
    Highlight,
    HighlightKind,
    Remark,
    RemarkKind,
    StoredDraft,
)
from tests.cards import made

H = "The hippocampus lies in the medial temporal lobe of the brain."
M = "In 1953 Henry Molaison lost both hippocampi in an operation."
M2 = "In 1954 Henry Molaison lost both hippocampi in an operation."
G = "The amygdala gives every memory of fear its emotional colour."
F = "Iron is Fe."


def test_long_counts_letters_without_signs():
    assert is_distinctive_sentence("a" * 20)
    assert not is_distinctive_sentence("a" * 19)
    assert not is_distinctive_sentence("a b " * 9 + "a.")
    assert not is_distinctive_sentence("?")
    assert is_distinctive_sentence("细胞核含有染色体。")
    assert not is_distinctive_sentence("细胞核含有体。")
    assert not is_distinctive_sentence("the cell (细胞)")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("a b c d", "a b c d", 100),
        ("a b", "a b c d", 100),
        ("one two", "three four", 0),
        ("water boils", "boils water", 100),
    ],
)
def test_how_much_two_sentences_are_alike(old, new, words):
    assert compute_sentence_similarity(old, new) == words


def decided(*sentences, guid="", n=1, beside=(), **more):
    names = tuple(map(hash_sentence, (*sentences, *beside)))
    about = sentences[0] if sentences else ""
    decision = SentenceDecision(
        f"e{n}", sentences, guid, names, event_number=n, card_sentence=about
    )
    return replace(decision, **more)


@pytest.mark.parametrize(
    ("within", "answer", "about"),
    [
        ((H, M), "1953", M),
        ((H, M), "lobe", H),
        ((H, M), "", H),
        ((H, M), "x", H),
        ((), "x", ""),
    ],
)
def test_a_card_is_about_the_sentence_with_its_answer(within, answer, about):
    assert find_answer_sentence(within, answer) == about


BOTH = decided(H, M, guid="x")


@pytest.mark.parametrize(
    ("decisions", "now"),
    [
        ([BOTH], (H, M)),
        ([BOTH, decided(G, guid="x", revises=True)], (G,)),
        (
            [
                BOTH,
                decided(G, guid="x", revises=True),
                decided(M, guid="x", revises=True),
            ],
            (M,),
        ),
        ([BOTH, decided(G, guid="x")], (H, M)),  # accepted again
        ([BOTH, decided(guid="x", revises=True)], (H, M)),  # names no sentence
    ],
)
def test_the_sentences_of_a_card(decisions, now):
    assert find_last_decision_by_card(decisions)["x"].sentences == now


CARD = made(Card, guid="x")


@pytest.mark.parametrize(
    ("card", "decision", "name"),
    [
        (CARD, BOTH, hash_sentence(H)),
        (CARD, None, ""),
        (CARD, decided(F, guid="x"), ""),  # a coincidence
        (CARD, decided("?", guid="x"), ""),
        (
            replace(CARD, user_text_number=0),
            BOTH,
            "",
        ),  # the person's own form follows its mark
    ],
)
def test_where_a_card_is_at_home(card, decision, name):
    assert hash_card_sentence(card, decision) == name


# --- what is asked ------------------------------------------------------------------------


X = decided(M, guid="x", n=5)
ASKS = SentenceState(M2, revised_guid="x", similar_removed=M)
REMARK = SentenceState(M2, similar_removed=M)


@pytest.mark.parametrize(
    ("decisions", "more", "shown"),
    [
        ([X], {}, [ASKS]),
        ([X], {"live": ()}, [REMARK]),
        # what stood beside a sentence when that was decided is another fact
        ([decided(M, guid="x", beside=(M2,))], {}, [SentenceState(M2)]),
        # the words stand elsewhere: nothing is asked
        ([X], {"present_elsewhere": [M]}, [SentenceState(M2)]),
        ([X], {"given": (M, M2)}, [SentenceState(M, is_decided=True), SentenceState(M2)]),
        # a card asks for new words of the sentence that it is about, as it is now
        ([decided(H, M, guid="x", n=5)], {}, [REMARK]),
        ([decided(H, M, guid="x", n=5, card_sentence=M)], {}, [ASKS]),
        ([X, decided(G, guid="x", n=6, revises=True)], {}, [REMARK]),
        # a closed passage asks, and offers nothing new
        ([X], {"closed": True}, [ASKS]),
        ([X], {"closed": True, "live": ()}, []),
        ([X], {"closed": True, "drafted": [H], "given": (H,)}, []),
        # nor does the sentence of a rejected proposal ask; a model's draft of it waits
        ([X, decided(M2, n=7, rejection=Rejection.PROPOSAL)], {"drafted": ()}, []),
        ([X, decided(M2, n=7, rejection=Rejection.PROPOSAL)], {}, [SentenceState(M2)]),
        # skipping names all sentences
        ([decided(M2, n=7)], {}, [SentenceState(M2, is_decided=True)]),
    ],
)  # fmt: skip
def test_what_is_asked(decisions, more, shown):
    arguments = {"given": (M2,), "live": ("x",), "drafted": [M2], **more}
    given = arguments.pop("given")
    live = arguments.pop("live")
    assert list(compute_sentence_states(given, decisions, live, **arguments)) == shown


LETTERS = tuple(f"Sentence number {name} is about {name}." for name in "abcde")
A, B, C, D, E = LETTERS


@pytest.mark.parametrize(
    ("decisions", "more", "shown"),
    [
        ([], {}, ()),  # what could be proposed is none
        ([decided(A, n=1)], {}, (A,)),
        ([], {"drafted": (E,)}, (E,)),
        ([decided(A, n=1)], {"drafted": (E,)}, (A, E)),
        ([], {"drafted": LETTERS}, LETTERS),
        # a rejected proposal decides nothing: a model's draft of the sentence waits
        ([decided(A, n=1, rejection=Rejection.PROPOSAL)], {}, ()),
        ([decided(A, n=1, rejection=Rejection.PROPOSAL)], {"drafted": (A,)}, (A,)),
    ],
)
def test_which_sentences_are_facts(decisions, more, shown):
    facts = compute_sentence_states(LETTERS, decisions, (), **more)
    assert tuple(fact.sentence for fact in facts) == shown


# --- other passages -----------------------------------------------------------------------


P, Q, R = (f"vault:notes/{letter}" for letter in "pqr")


def reads(store, key, place, *words):
    """Let a highlight have these sentences now."""
    row = {"key": key, "document": 1, "position": place, "state": "present"}
    document, kind = Document(DocumentKey("d"), "", "d"), HighlightKind.HIGHLIGHT
    body = to_json(Highlight(document, "", kind, " ".join(words), key))
    row |= {"kind": "", "folded": "", "body": body}
    write_highlights(store, [row])


@pytest.fixture
def store(tmp_path):
    ledger = Ledger(tmp_path / "l.db", tmp_path, "a")
    with closing(ledger), ledger.transaction():
        for place, (key, words) in enumerate({P: (H, M), Q: (M, F), R: (G,)}.items()):
            ledger.record_event("key", key, SOURCE, {"exact": " ".join(words)})
            reads(ledger, key, place, *words)
        yield ledger


def decide(store, key, *decided, guid="", **words):
    draft = {"kind": "cloze", "fields": {"Text": f"{{{{c1::{decided[0]}}}}}"}, **words}
    body = {"guid": guid, "draft": draft} if guid else {"content": "c"}
    event = store.record_event("accept" if guid else "reject", key, USER, body)
    body = {
        "of": event.id,
        "sentences": decided,
        "passage": [],
        "facts": [],
        "guid": guid,
    }
    store.record_event("fact", key, USER, body)


def elsewhere(store, passage, given):
    [there] = reading.load_related_decisions(store, [(passage, given)])
    return there


@pytest.mark.parametrize(
    ("key", "decided", "other", "given", "found"),
    [
        (P, (M,), Q, (M, F), ((M,),)),
        (P, (H, M), Q, (M, F), ((M,),)),  # of several, the one that it has
        (P, (M,), Q, (G, F), ((M,),)),  # or had
        (P, (M,), R, (G,), ()),
        (Q, (F,), P, (H, F), ()),  # a coincidence
        (Q, (M,), Q, (M,), ()),  # its own
    ],
)
def test_what_was_decided_in_other_passages(store, key, decided, other, given, found):
    decide(store, key, *decided, guid="af1")
    there = elsewhere(store, store.get_passage(other), given)
    assert tuple(decision.sentences for decision in there.decisions) == found
    assert set(there.live_cards) == (
        {"af1"} if found and found[0][0] == decided[0] else set()
    )


def test_passages_that_a_person_told_apart_decide_nothing_for_one_another(store):
    decide(store, P, M)
    store.record_event("different", Q, USER, {"old": P})
    assert not elsewhere(store, store.get_passage(Q), (M,)).decisions


def test_a_sentence_stands_elsewhere_while_its_passage_is_here(store):
    decide(store, P, M)
    reads(store, P, 0, H)
    assert elsewhere(store, store.get_passage(P), (H,)).present_sentences == {M}
    store.execute("UPDATE highlight SET state = 'missing' WHERE key = ?", Q)
    assert not elsewhere(store, store.get_passage(P), (H,)).present_sentences
    assert list(
        sentences.find_passages_with_sentences(store, map(hash_sentence, (M, F)))
    ) == [Q]


def test_an_own_form_is_decided_by_no_other_own_form(store):
    names = [hash_sentence(M), hash_sentence(F)]
    decide(store, P, M, guid="af1", own=True, slot="0")
    assert not sentences.find_deciding_passages(store, names)
    decide(store, R, M)
    assert sentences.find_deciding_passages(store, names) == {hash_sentence(M): {R}}
    document, kind = Document(DocumentKey("d"), "", "d"), HighlightKind.HIGHLIGHT
    place = Highlight(document, "", kind, M, Q)
    form = made(
        StoredDraft, fields=(("Text", "The {{c1::hippocampus}}."),), user_text_number=0
    )
    for key, about, remarked in (
        (Q, names, True),
        (P, names[1:], False),
        (R, names, False),
    ):
        draft = replace(form, key=key, sentence_hashes=tuple(about))
        finder = draft_groups.RemarkFinder(store)
        finder.load([draft])
        told = list(finder.find_remarks(draft, place))
        assert (Remark(RemarkKind.DECIDED_BEFORE) in told) is remarked


@pytest.mark.parametrize(
    ("gone", "home"),
    [((), P), ((P,), Q), ((P, Q), P)],
)
def test_a_card_is_at_home_where_its_sentence_stands(store, gone, home):
    decide(store, P, M, guid="af1")
    for key in gone:
        store.execute("UPDATE highlight SET state = 'gone' WHERE key = ?", key)
    assert card_places.load_homes(store, ["af1"])["af1"] == home


def test_a_card_is_planned_again_when_its_sentence_leaves_its_home(store):
    decide(store, P, M, guid="af1")
    store.execute("UPDATE highlight SET state = 'gone' WHERE key = ?", P)
    assert card_places.load_homes(store, ["af1"])["af1"] == Q
    store.execute("INSERT INTO planned VALUES ('af1', '', '')")
    document, kind = Document(DocumentKey("d"), "", "d"), HighlightKind.HIGHLIGHT
    body = to_json(Highlight(document, "", kind, F, Q))
    row = dict(store.fetch_first_row("SELECT * FROM highlight WHERE key = ?", Q))
    write_highlights(store, [{**row, "body": body}])
    assert card_places.load_homes(store, ["af1"])["af1"] == P
    assert store.fetch_value("SELECT count(*) FROM planned") == 0


@pytest.mark.parametrize(("here", "there", "asked"), [(5, 2, "here"), (2, 5, "there")])
def test_the_latest_of_the_cards_of_a_sentence_that_changed_is_asked_about(
    here, there, asked
):
    passage = Passage((P,), decisions=[decided(M, guid="here", n=here)])
    elsewhere = RelatedDecisions(
        (decided(M, guid="there", n=there),),
        live_cards={"there": made(Card, key=P, guid="there")},
    )
    passage.cards["here"] = made(Card, key=P, guid="here")
    [fact] = PassageSnapshot(passage, M2, (), elsewhere).compute_sentence_states()
    assert (fact.similar_removed, fact.revised_guid) == (M, asked)


@pytest.mark.parametrize(
    ("decision", "names"),
    [
        (decided(M), {M}),
        (decided(M, rejection=Rejection.PROPOSAL), {M}),
        (
            decided(M, rejection=Rejection.DRAFT),
            set(),
        ),  # a model's draft of it was rejected
        (decided(M, event_id=""), set()),  # of a passage without facts
    ],
)
@pytest.mark.parametrize("is_here", [True, False])
def test_which_sentences_are_proposed_no_more(decision, names, is_here):
    there = RelatedDecisions(() if is_here else (decision,))
    passage = Passage((P,), decisions=[decision] if is_here else [])
    of = PassageSnapshot(passage, M, (), there)
    assert of.get_decided_sentence_hashes() == {*map(hash_sentence, names)}
