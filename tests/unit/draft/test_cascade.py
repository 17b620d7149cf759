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
    from ankiforge.draft.llm import Model
    from ankiforge.draft.server import ServerSettings

    settings = ServerSettings(base_url=server.base_url, model="fake", backoff_s=0.001)
    tasks = [task("One fact."), task("Two facts.", brief=Brief(prompt="mine"))]
    usual, mine = Model(settings, memory, prompts).draft(iter(tasks))
    first, second = sorted(map(words, server.asked), key=len, reverse=True)
    assert "Four hostile readers" in first
    assert second.startswith("My rules.")
    assert usual.drafts[0].origin.prompt == prompts.usual.fingerprint
    assert mine.drafts[0].origin.prompt == prompts.named["mine"].fingerprint


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


def test_candidates_are_in_the_schema_only_if_asked_for(draft, task, server):
    draft(task("One fact."))
    draft(task("Two facts."), candidates=3)
    plain, more = (
        one["response_format"]["json_schema"]["schema"]["properties"]["cards"]["items"]
        for one in server.asked
    )
    assert "fact" not in plain["properties"]
    assert set(more["required"]) - set(plain["required"]) == {"fact"}
    assert "quite different cards" in words(server.asked[1])
