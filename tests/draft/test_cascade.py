"""The way of small models, seen from the command line: kept, estimated, shown, private."""

import json

import pytest

from ankiforge.draft.cascade import load_cascade
from ankiforge.draft.client import Client
from ankiforge.draft.llm import Model
from ankiforge.draft.prompt import load
from ankiforge.draft.sendable import Privacy
from ankiforge.draft.server import ServerSettings
from ankiforge.model import PrivateText, Task

AGING = "Aging that occurs due to controllable factors, such as poor diet, is called secondary aging."
SNOW = "In 1854 John Snow removed the handle of the pump in Broad Street, because cholera spread there."


@pytest.fixture
def notes(forge, server):
    """Write a note with marked passages, for a small model: `notes(AGING, way="cascade")`."""

    def write(*passages, **llm):
        (forge.folder / "notes").mkdir(exist_ok=True)
        text = "\n\n".join(f"=={each}==" for each in passages)
        (forge.folder / "notes" / "Aging.md").write_text(text + "\n", encoding="utf-8")
        forge.drafting(server.base_url, **{"model": "tiny-1.5b", "way": "", **llm})

    return write


def steps(server, fake):
    return [fake.step_of(request) for request in server.asked]


def test_a_small_model_is_asked_step_by_step_and_a_large_one_at_once(
    forge, notes, server, fake
):
    notes(AGING)
    forge.ok("run")
    assert steps(server, fake) == ["question", "answer"]
    server.asked.clear()
    notes(SNOW, model="big-70b")
    forge.ok("run")
    assert steps(server, fake) == [""]


@pytest.mark.parametrize(
    ("llm", "found"),
    [
        ({"way": "one"}, [""]),
        ({"prompt": "cards-small"}, [""]),
        ({"model": "big-70b", "way": "cascade"}, ["question", "answer"]),
    ],
)
def test_the_settings_may_choose_the_way(forge, notes, server, fake, llm, found):
    notes(AGING, **llm)
    forge.ok("run")
    assert steps(server, fake) == found


def test_every_step_begins_like_the_one_before(forge, notes, server):
    notes(AGING)
    forge.ok("run")
    first, second = [request["messages"] for request in server.asked]
    assert first[0] == second[0]
    passage, _, _ = first[1]["content"].partition("</passage>")
    assert AGING in passage
    assert second[1]["content"].startswith(passage)


def test_a_run_that_ends_between_two_steps_asks_only_for_the_rest(
    forge, notes, server, fake
):
    notes(AGING)
    answers = 0

    def breaks(request):
        nonlocal answers
        if fake.step_of(request) == "answer":
            answers += 1
            return fake.error(401, "no")
        return fake.stepping(request)

    server.otherwise = breaks
    forge("run", code=3)
    assert answers == 1
    server.asked.clear()
    server.otherwise = fake.obliging
    assert forge.json("draft", "--estimate", "--drafter", "llm")["requests"] in (1, 3, 5)
    forge.ok("run")
    assert steps(server, fake) == ["answer"]
    server.asked.clear()
    forge.ok("run")
    assert not server.asked


def test_the_estimate_counts_the_steps_that_may_be_needed(forge, notes, server):
    notes(AGING)
    told = forge.json("draft", "--estimate", "--drafter", "llm")
    assert told["highlights"] == 1
    assert told["requests"] in (2, 4, 6)
    assert told["tokens_in"] > 400
    assert "free (local)" in forge.ok("draft", "--estimate", "--drafter", "llm").stdout
    assert not server.asked


def test_a_question_stands_behind_the_gaps_in_their_offer(forge, notes):
    """Accepting one of them decides on both, and undo brings both back."""
    notes(AGING, more="proposals: true\n")
    forge.ok("run")
    cards = forge.cards()
    [proposal] = [card for card in cards if card["kind"] == "cloze"]
    [question] = [card for card in cards if card["kind"] == "basic"]
    assert question["fields"]["Back"] in proposal["gaps"]
    assert question["quote"] == proposal["quote"]
    forge.ok("accept", question["id"])
    [card] = forge.cards()
    assert card["fields"] == question["fields"]
    forge.ok("undo")
    waiting = [card["id"] for card in forge.cards() if card["verdict"] == "waiting"]
    assert sorted(waiting) == sorted([proposal["id"], question["id"]])


def test_each_fact_gets_its_question_also_below_the_limit_of_proposals(forge, notes):
    notes(f"{AGING} {SNOW}", more="proposals: true\n")
    forge.ok("run")
    cards = forge.cards()
    proposals = {card["quote"]: card for card in cards if card["kind"] == "cloze"}
    questions = [card for card in cards if card["kind"] == "basic"]
    assert {card["quote"] for card in questions} == {AGING, SNOW}
    assert [*proposals] == [AGING]
    [of_aging] = [card for card in questions if card["quote"] == AGING]
    assert of_aging["fields"]["Back"] in proposals[AGING]["gaps"]
    forge.ok("accept", of_aging["id"])
    verdicts = {card["quote"]: card["verdict"] for card in forge.cards()}
    assert verdicts == {AGING: "accepted", SNOW: "waiting"}


def test_accept_all_does_not_go_behind_a_proposal_that_it_leaves(forge, notes):
    notes(AGING, more="proposals: true\n")
    forge.ok("run")
    told = forge("accept", "--all")
    assert {card["verdict"] for card in forge.cards()} == {"waiting"}
    assert "1  another draft of the same fact" in told.stdout + told.stderr
    forge.ok("accept", "--all", "--filter", "drafter:propose")
    [card] = forge.cards()
    assert card["kind"] == "cloze"


def test_a_question_in_a_comment_and_a_remark_go_the_other_way(
    forge, notes, server, fake
):
    notes(AGING)
    forge.ok("run")
    [card] = forge.cards()
    server.asked.clear()
    forge.ok("draft", "--again", card["id"], "--remark", "ask for the diet")
    assert steps(server, fake) == [""]


def test_private_words_beside_a_passage_are_in_no_step(server, fake, memory, highlight):
    secret = "My salary is lower than that of my neighbour."
    shown = highlight(AGING, nearby=f"{secret} {AGING}")
    task = Privacy([PrivateText(secret, shown.document.key)]).task(
        Task(shown.document, (shown,))
    )
    settings = ServerSettings(base_url=server.base_url, model="tiny-1.5b")
    model = Model(Client(settings, memory), load("cards-small"), cascade=load_cascade())
    [[result]] = model.draft(iter([task]))
    model.leave()
    assert len(result.drafts) == 1
    assert steps(server, fake) == ["question", "answer"]
    assert "salary" not in json.dumps(server.asked)


@pytest.mark.parametrize(
    ("before", "behind"), [("", "Behind. "), ("Before. ", ""), ("Before. ", "Behind. ")]
)
def test_of_a_long_paragraph_the_part_around_the_mark_is_sent(
    server, fake, memory, highlight, before, behind
):
    shown = highlight(AGING, nearby=f"{before * 300}{AGING} {behind * 300}".strip())
    task = Privacy(()).task(Task(shown.document, (shown,)))
    settings = ServerSettings(base_url=server.base_url, model="tiny-1.5b")
    model = Model(Client(settings, memory), load("cards-small"), cascade=load_cascade())
    [[result]] = model.draft(iter([task]))
    model.leave()
    assert len(result.drafts) == 1
    passage = server.asked[0]["messages"][1]["content"].partition("</passage>")[0]
    assert AGING in passage
    assert ("Before." in passage, "Behind." in passage) == (bool(before), bool(behind))
    assert len(passage) < 1200


def test_a_term_inside_private_words_does_not_let_the_others_out(
    server, fake, memory, highlight
):
    """Without the term, what is left of them on each side is too short to be known again."""
    secret = "zebra plague of Ward Nine ended late"
    sentence = f"In 1987, the {secret} for the staff."
    shown = highlight("Ward Nine", nearby=sentence, sentence=sentence)
    privacy = Privacy([PrivateText(secret, "note:other")])
    task = privacy.task(Task(shown.document, (shown,)))
    settings = ServerSettings(base_url=server.base_url, model="tiny-1.5b")
    model = Model(Client(settings, memory), load("cards-small"), cascade=load_cascade())
    list(model.draft(iter([task])))
    model.leave()
    assert "zebra" not in json.dumps(server.asked)


def test_a_server_that_loads_its_model_is_waited_for_and_that_is_said_once(
    server, fake, memory, task
):
    loading = fake.error(503, "Loading model")
    server.queue.extend([loading] * 6)
    said = []
    settings = ServerSettings(base_url=server.base_url, model="tiny-1.5b", retries=0)
    client = Client(settings, memory, notice=said.append)
    model = Model(client, load("cards-small"), cascade=load_cascade())
    [[result]] = model.draft(iter([task(AGING)]))
    model.leave()
    assert len(result.drafts) == 1
    assert [words for words in said if "loading its model" in words] == said[1:]
    assert len(said) == 2


def test_one_request_at_a_time_goes_to_a_server_on_this_machine(forge, notes, server):
    notes(AGING, SNOW)
    forge.ok("run")
    assert len(server.asked) >= 4
    assert server.most_at_a_time == 1


def test_without_proposals_the_list_of_what_has_no_card_tells_why(
    forge, notes, server, fake
):
    notes(AGING, more="proposals: false\n")

    def vague(request):
        if fake.step_of(request) == "question":
            return fake.says('{"question": "What is it called?"}')
        return fake.says('{"answer": "a tidal bore"}')

    server.otherwise = vague
    told = " ".join(forge.ok("run").stdout.split())
    assert "no card for 1 of 1 highlight; why: ankiforge list --no-card -v" in told
    shown = forge.ok("list", "--no-card", "-v").stdout
    assert "    no card: none of the model's questions" in shown
    assert "    question: What is it called?\n" in shown
    assert "    its own answer: a tidal bore\n" in shown
    assert "    dropped: its own answer is another one" in shown
    assert "question:" not in forge.ok("list", "--no-card").stdout


def test_show_tells_which_questions_were_dropped_and_why_without_asking_again(
    forge, notes, server, fake
):
    """Per proposed answer; it is kept beside the replies, so that a lost database loses nothing."""
    notes(AGING, more="proposals: true\n")

    def vague(request):
        if fake.step_of(request) == "question":
            return fake.says('{"question": "What is it called?"}')
        return fake.says('{"answer": "a tidal bore"}')

    server.otherwise = vague
    told = " ".join(forge.ok("run").stdout.split())
    assert "no card for 1 of 1 highlight; why: ankiforge show ID -v" in told
    server.asked.clear()
    [proposal] = forge.cards()
    shown = forge.json("show", proposal["id"], "-v")
    assert shown["why_none"].startswith("none of the model's questions")
    assert [each["proposed"] for each in shown["dropped"]] == proposal["gaps"]
    for each in shown["dropped"]:
        assert each["question"] == "What is it called?"
        assert each["own_answer"] == "a tidal bore"
        assert each["dropped"] == "its own answer is another one"
    text = forge.ok("show", proposal["id"], "-v").stdout
    assert f"No card by the model: {shown['why_none']}\n" in text
    assert "    question: What is it called?\n" in text
    assert "No card by the model" not in forge.ok("show", proposal["id"]).stdout
    (forge.folder / ".ankiforge" / "ledger.db").unlink()
    forge.ok("run")
    assert forge.json("show", proposal["id"], "-v")["dropped"] == shown["dropped"]
    assert not server.asked
