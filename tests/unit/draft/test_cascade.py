"""draft → checks → one repair with the findings' words → still failing = blocked: all is kept."""

import json

import pytest

from ankiforge.config import shipped
from ankiforge.draft.prompt import Prompts, load
from ankiforge.model import Attempt, Brief, CardKind

FACT = "The aperture of a lens controls how much light comes in."
BAD, WORSE = "Bad?", "Worse?"


def repair(draft, highlight):
    """Forbids fronts that say so themselves."""
    return (f"{draft.field('Front')} is bad",) if draft.field("Front") in (BAD, WORSE) else ()


@pytest.fixture
def run(draft, task, server, fake):
    """Draft FACT, the model answering with these lists of items, one a request."""

    def run(*replies, **fields):
        server.queue.extend(fake.cards(*items) for items in replies)
        server.otherwise = lambda _: fake.says("nothing more")
        return draft(task(FACT), repair=repair, **fields)

    return run


@pytest.fixture
def card(fake):
    def make(front, back="light", **more):
        return fake.card(1, "how much light", front, back, **more)

    return make


NONE = {"h": 1, "kind": "none", "why_none": "states no fact"}


def test_a_mended_card_keeps_what_was_sent_back(run, card, server):
    (made,) = run([card(BAD)], [card("What does it control?")]).drafts
    first, second = (json.dumps(asked["messages"]) for asked in server.asked)
    assert made.field("Front") == "What does it control?"
    assert made.attempts == (
        Attempt(
            CardKind.BASIC,
            (("Front", BAD), ("Back", "light")),
            ("Bad? is bad",),
            made.attempts[0].request,
        ),
    )
    assert len({made.origin.request, made.attempts[0].request, ""}) == 3
    assert "Bad? is bad" in second
    assert "Bad? is bad" not in first


def test_what_is_still_bad_is_kept_and_asked_no_more(run, card, server):
    (made,) = run([card(BAD)], [card(WORSE)]).drafts
    assert made.field("Front") == WORSE
    assert [tried.fields[0] for tried in made.attempts] == [("Front", BAD)]
    assert len(server.asked) == 2


def test_none_after_a_repair_is_a_reason_with_both_halves(run, card):
    result = run([card(BAD)], [NONE])
    assert result.drafts == ()
    (none,) = result.no_cards
    assert "Bad? is bad" in none.reason
    assert "states no fact" in none.reason


def test_an_unreadable_repair_leaves_the_card_as_it_was(run, card):
    (made,) = run([card(BAD)]).drafts
    assert (made.field("Front"), made.attempts) == (BAD, ())


def test_of_two_facts_only_the_bad_one_is_mended(run, card, server):
    first, second = run([card("Good?"), card(BAD)], [card("Mended?", "lens")]).drafts
    assert (first.field("Front"), first.attempts) == ("Good?", ())
    assert second.field("Front") == "Mended?"
    assert len(second.attempts) == 1
    assert {first.intent, second.intent} == {0, 1}
    assert "Good?" not in server.asked[1]["messages"][-2]["content"]


def test_a_second_fact_the_model_gives_up_stays_to_be_seen(run, card):
    fronts = [one.field("Front") for one in run([card("Good?"), card(BAD)], [NONE]).drafts]
    assert fronts == ["Good?", BAD]


def test_a_fact_with_a_good_candidate_is_not_paid_for_again(run, card, server):
    items = [card(BAD, fact=1), card("Good?", fact=1), card("Fine?", "much", fact=1)]
    made = run(items, candidates=3).drafts
    assert len(server.asked) == 1
    assert [one.field("Front") for one in made] == ["Good?", "Fine?", BAD]
    assert not any(one.attempts for one in made)


def test_a_fact_of_bad_candidates_is_mended_in_its_place(run, card):
    items = [card("Good?", fact=1), card(BAD, fact=2), card(WORSE, "much", fact=2)]
    again = [card("Mended?", fact=2), card("Also?", "much", fact=2)]
    made = run(items, again, candidates=3).drafts
    assert [(one.field("Front"), one.intent) for one in made] == [
        ("Good?", 0),
        ("Mended?", 1),
        ("Also?", 1),
    ]
    assert [len(one.attempts) for one in made] == [0, 2, 0]


def test_the_budget_may_end_before_the_repair(draft, task, server, fake, card):
    server.queue.append(fake.cards(card(BAD), tokens=1_000_000))
    (made,) = draft(task(FACT), repair=repair, budget_usd=0.5, price_usd=(0.0, 1.0)).drafts
    assert (made.field("Front"), made.attempts) == (BAD, ())
    assert len(server.asked) == 1


def test_a_repair_is_remembered(run, card, server, draft, task):
    first = run([card(BAD)], [card("Good?")])
    asked = len(server.asked)
    again = draft(task(FACT), repair=repair)
    assert len(server.asked) == asked
    assert [one.fields for one in again.drafts] == [one.fields for one in first.drafts]
    assert again.drafts[0].attempts == first.drafts[0].attempts


# --- what deck files ask ----------------------------------------------------------------------


@pytest.fixture
def prompts(tmp_path, prompt):
    text = "---\nname: mine\nversion: 1\nkinds: [basic]\nvariables: [schema, highlights]\n---\n"
    (tmp_path / "mine.md").write_text(text + "My rules. {{ schema }}\n---\n{{ highlights }}\n")
    return Prompts(prompt, {"mine": load("mine", [tmp_path, shipped("prompts")])})


def words(asked):
    return "\n".join(message["content"] for message in asked["messages"])


def test_each_task_is_asked_with_the_prompt_of_its_deck(prompts, task, server, fake, memory):
    from ankiforge.draft.client import ServerSettings
    from ankiforge.draft.llm import Model

    settings = ServerSettings(base_url=server.base_url, model="fake", backoff_s=0.001)
    tasks = [task("One fact."), task("Two facts.", brief=Brief(prompt="mine"))]
    usual, mine = Model(settings, memory, prompts).draft(iter(tasks))
    first, second = sorted(map(words, server.asked), key=len, reverse=True)
    assert "two experts would answer alike" in first
    assert second.startswith("My rules.")
    assert usual.drafts[0].origin.prompt == prompts.usual.fingerprint
    assert mine.drafts[0].origin.prompt == prompts.named["mine"].fingerprint


def test_kinds_nobody_can_draw_are_a_reason_that_is_not_kept(draft, task, server, prompt):
    asked = Brief(kinds=(CardKind.CLOZE,), wants="question")
    result = draft(task(FACT, brief=asked))
    assert server.asked == []
    (none,) = result.no_cards
    assert none.passing
    assert "the deck file wants cloze as a question" in none.reason


def test_the_kinds_of_a_deck_are_the_only_ones_that_are_named(draft, task, server):
    draft(task(FACT, brief=Brief(kinds=(CardKind.BASIC,))))
    (asked,) = server.asked
    schema = asked["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["cards"]["items"]["properties"]["kind"]["enum"] == ["basic", "none"]
    assert 'kind "cloze"' not in words(asked)
    assert 'kind "basic"' in words(asked)


def test_the_wish_of_a_colour_stands_beside_the_passage(draft, task, server):
    draft(task(FACT, brief=Brief(wants="definition")))
    draft(task(FACT))
    first, second = map(words, server.asked)
    assert "<wanted>a definition" in first
    assert "<wanted>" not in second


def test_candidates_and_tags_are_in_the_schema_only_if_asked_for(draft, task, server):
    draft(task("One fact."))
    draft(task("Two facts."), candidates=3, tags=("difficulty",))
    plain, more = (
        one["response_format"]["json_schema"]["schema"]["properties"]["cards"]["items"]
        for one in server.asked
    )
    assert {"fact", "bloom", "difficulty"}.isdisjoint(plain["properties"])
    assert set(more["required"]) - set(plain["required"]) == {"fact", "difficulty"}
    assert more["properties"]["difficulty"]["enum"] == ["easy", "medium", "hard"]
    assert "quite different cards" in words(server.asked[1])


def test_an_error_at_the_repair_leaves_the_card_as_it_was(run, card, server, fake):
    server.queue.append(fake.cards(card(BAD)))
    server.queue.append(fake.error(400, "no"))
    (made,) = run([card(BAD)]).drafts
    assert (made.field("Front"), made.attempts) == (BAD, ())
