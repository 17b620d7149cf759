"""Drawing anew from the page: one more card to choose from, and nothing that was there is lost."""

import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from ankiforge import ledger
from ankiforge.review.page.decisions import Models

ALPHA = "Alpha is the first letter of the Greek alphabet."
OLD, NEW = "Which letter comes first in Greek?", "Which Greek letter is the first?"
NEWEST = "Which letter begins the Greek alphabet?"
GAP = "{{c1::Alpha}} is the first letter of the Greek alphabet."


@pytest.fixture
def model(fake):
    with fake.LlmServer() as server:
        yield server


@pytest.fixture
def told(forge, model):
    """Writes the settings: the policy, the drafter, and what is special about the model."""

    def write(accept: str = "review", drafter: str = "llm", **llm: Any) -> None:
        llm = {"base_url": model.base_url, "model": "fake-1", "candidates": 1, **llm}
        forge.settings(
            f"sources: [{{obsidian: {{name: notes, path: notes}}}}]\nllm: {json.dumps(llm)}\n"
            f"drafter: {drafter}\naccept: {{llm: {accept}}}\nanki: {{collection: none}}\n"
        )

    return write


@pytest.fixture
def note(forge):
    """Writes a note with these passages marked."""

    def write(*passages: str, name: str = "Greek") -> None:
        (forge.folder / "notes").mkdir(exist_ok=True)
        text = "\n\n".join(f"=={one}==" for one in passages)
        (forge.folder / "notes" / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")

    return write


@pytest.fixture
def asked(forge, fake, model, client, told, note):
    """Opens the page on one card that the model drew; with the policy `clean` it is accepted."""

    def start(accept: str = "review", asking: Models | None = None) -> Any:
        note(ALPHA)
        told(accept)
        model.queue.append(basic(fake, OLD))
        forge.ok("run")
        if accept == "clean":
            forge.ok("accept", "--all")
        return client(asking=asking)

    return start


def basic(fake: Any, *fronts: str) -> Any:
    return fake.cards(*(fake.card("1", ALPHA, front, "Alpha") for front in fronts))


def cloze(fake: Any) -> Any:
    return fake.cards({"h": "1", "kind": "cloze", "quote": ALPHA, "text": GAP})


def fronts(found: Any) -> list[str]:
    fields = [slot["fields"] for slot in found["item"]["slots"]]
    return [one.get("Front") or one.get("Text", "") for one in fields]


def pressed(found: Any, key: str) -> tuple[str, dict[str, str]]:
    act = next(act for act in found["item"]["acts"] if act["key"] == key)
    return act["what"], act["args"]


# --- beside what there is -------------------------------------------------------------------


def test_what_is_drawn_anew_stands_beside_the_card_that_waits(forge, fake, model, asked):
    page = asked()
    model.queue.append(basic(fake, NEW))
    after = page.decide("redraft", page.item(view="pending"), words="turn it round")
    assert fronts(after) == [OLD, NEW]
    assert "tokens" in after["told"]
    assert "turn it round" in json.dumps(model.asked[-1]["messages"])
    [card] = forge.cards()
    assert (card["verdict"], card["fields"]["Front"]) == ("pending", OLD)


@pytest.mark.parametrize("where", ["page", "terminal"])
def test_another_note_type_is_one_choice_with_the_card_that_waits(forge, fake, model, asked, where):
    page = asked()
    model.queue.append(cloze(fake))
    if where == "page":
        after = page.decide("redraft", page.item(view="pending"), words="a gap")
    else:
        forge.ok("draft", "--again", "Greek", "--remark", "a gap")
        after = page.item(view="pending")
    assert (fronts(after), after["count"]) == ([OLD, GAP], 1)
    what, args = pressed(after, "2")
    page.decide(what, after, **args)
    [card] = forge.ok("list", "--json").lines
    assert (card["verdict"], card["fields"]["Text"]) == ("accepted", GAP)
    assert fronts(page.decide("undo")) == [OLD, GAP]


def test_of_two_facts_of_a_passage_the_one_that_is_alike_is_meant(
    forge, fake, model, client, told, note
):
    note(ALPHA)
    told()
    where = fake.card("1", ALPHA, "Of what is Alpha the first letter?", "the Greek alphabet")
    first = fake.card("1", ALPHA, OLD, "Alpha", fact="1")
    model.queue.append(fake.cards(first, {**where, "fact": "2"}))
    forge.ok("run")
    page = client()
    shown = page.item(view="pending")
    assert shown["count"] == 2
    model.queue.append(cloze(fake))
    page.decide("redraft", shown, words="a gap")
    chosen = [sorted(one["choice"]) for one in forge.cards() if one["fields"].get("Front") == OLD]
    assert [len(one) for one in chosen] == [2]
    assert page.item(view="pending")["count"] == 2


def test_beside_an_accepted_card_all_that_is_proposed_waits_until_a_person_takes_one(
    forge, fake, model, asked
):
    page = asked(accept="clean")
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    model.queue.append(basic(fake, NEW))
    forge.ok("draft", "--again", card["guid"], "--remark", "turn it round")
    found = page.item(view="revisions")
    assert fronts(found) == [OLD, NEW]

    model.queue.append(basic(fake, NEWEST))
    found = page.decide("redraft", found)
    assert fronts(found) == [OLD, NEW, NEWEST]
    [card] = forge.cards()
    assert (card["verdict"], card["fields"]["Front"]) == ("accepted", OLD)
    what, args = pressed(found, "x")
    assert page.decide(what, found, **args)["count"] == 0
    page.decide("undo")
    found = page.item(view="revisions")
    what, args = pressed(found, "2")
    page.decide(what, found, **args)
    [card] = forge.cards()
    assert (card["verdict"], card["fields"]["Front"]) == ("accepted", NEWEST)


def test_another_note_type_than_an_accepted_card_has_waits_by_itself(forge, fake, model, asked):
    page = asked(accept="clean")
    [card] = forge.cards()
    model.queue.append(cloze(fake))
    forge.ok("draft", "--again", card["guid"], "--remark", "a gap", "--accept", "clean")
    assert fronts(page.item(view="pending")) == [GAP]
    assert [one["verdict"] for one in forge.cards()] == ["accepted", "pending"]


def test_beside_words_of_a_persons_own_nothing_is_accepted_unseen(forge, fake, model, asked):
    page = asked()
    forge.ok("edit", forge.cards()[0]["guid"], "--field", "Front", "Mine?")
    for drawn in (NEW, OLD):
        model.queue.append(basic(fake, drawn))
        after = page.decide("redraft", page.item(view="pending"), words=drawn)
    assert fronts(after) == ["Mine?", NEW]
    what, args = pressed(after, "1")
    page.decide(what, after, **args)
    [card] = forge.cards()
    assert (card["verdict"], card["fields"]["Front"], card["revision"]) == (
        "accepted",
        "Mine?",
        None,
    )


def test_a_passage_that_had_no_card_gets_one_that_waits(forge, fake, model, client, told, note):
    note(ALPHA)
    told(accept="clean")
    model.queue.append(fake.cards({"h": "1", "kind": "none", "why_none": "tells too little"}))
    forge.ok("run")
    page = client()
    model.queue.append(basic(fake, NEW))
    after = page.decide("redraft", page.item(view="passages"), words="try")
    assert "waits under New cards" in after["told"]
    assert fronts(page.item(view="pending")) == [NEW]


# --- in vain --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["page", "terminal"])
@pytest.mark.parametrize("reply", ["none", "refused", "unreadable", "same"])
def test_the_card_stands_as_it_was_where_nothing_new_comes(forge, fake, model, asked, reply, where):
    page = asked()
    before = forge.cards()
    none = {"h": "1", "kind": "none", "why_none": "tells too little"}
    answers = {
        "none": fake.cards(none),
        "refused": fake.error(401, "no such key"),
        "unreadable": fake.says("Alas!"),
        "same": basic(fake, OLD),
    }
    model.otherwise = lambda request: answers[reply]
    if where == "page":
        after = page.decide("redraft", page.item(view="pending"), words="better")
        assert after["refused"]
    else:
        came = forge("draft", "--again", "Greek", "--remark", "better", code=None)
        assert "no new card" in came.stderr or came.exit_code
    sent = len(model.asked)
    forge.ok("run")
    assert (forge.cards(), len(model.asked)) == (before, sent)


@pytest.mark.parametrize(
    ("llm", "offline", "why"),
    [
        ({"base_url": "https://far.example/v1"}, True, "--offline"),
        ({"budget_usd": 0.0001, "price_usd": [1, 1]}, False, "budget"),
        ({"base_url": "http://127.0.0.1:1/v1"}, False, "127.0.0.1:1"),
    ],
)  # fmt: skip
def test_it_is_said_why_nothing_can_be_asked(forge, model, asked, told, client, llm, offline, why):
    asked()
    told(**llm)
    page, sent = client(asking=Models(offline=offline)), len(model.asked)
    before = page.item(view="pending")
    after = page.decide("redraft", before, words="better")
    assert why in after["refused"]
    assert (len(model.asked), after["item"]) == (sent, before["item"])


def test_without_a_model_it_is_said_what_to_do(forge, model, told, note, client):
    note(ALPHA)
    told(drafter="rules")
    forge.ok("run")
    page = client()
    found = next(found for one in ("pending", "passages") if (found := page.item(view=one))["item"])
    after = page.decide("redraft", found)
    assert "would draft the same" in after["refused"]
    assert "drafter: llm" in after["hint"]
    assert model.asked == []


def test_what_is_kept_on_this_machine_is_not_sent_by_whatever_way_it_is_marked(forge, model, asked):
    page = asked()
    other = forge.folder / "notes" / "Diary.md"
    other.write_text(f"=={ALPHA}== #no-llm\n", encoding="utf-8")
    forge.ok("run")
    sent = len(model.asked)
    after = page.decide("redraft", page.item(view="pending"), words="better")
    assert "elsewhere" in after["refused"]
    assert len(model.asked) == sent


def test_a_passage_that_is_gone_is_not_drawn_again(forge, model, asked):
    page = asked(accept="clean")
    found = page.item(view="recent")
    forge.ok("accept", forge.cards()[0]["guid"])
    (forge.folder / "notes" / "Greek.md").write_text("Nothing.\n", encoding="utf-8")
    forge.ok("run")
    found = page.item(view="recent")
    sent = len(model.asked)
    assert "was missing" in page.decide("redraft", found, words="better")["refused"]
    assert len(model.asked) == sent


# --- others at work, and the end ------------------------------------------------------------


def test_while_another_drafts_that_is_said_and_nothing_is_asked(forge, fake, model, asked):
    page = asked()
    found, sent = page.item(view="pending"), len(model.asked)
    with ledger.lock(forge.folder / ".ankiforge", "drafting"):
        waits = page.decide("redraft", found, words="better")
        assert waits["waits"]
        assert "drafting here" in waits["told"]
        assert waits["item"] == found["item"]
        assert len(model.asked) == sent
    model.queue.append(basic(fake, NEW))
    assert fronts(page.decide("redraft", found, words="better")) == [OLD, NEW]


def test_what_is_under_way_when_the_page_ends_is_kept_and_its_card_waits(forge, fake, model, asked):
    said: list[str] = []
    asking = Models(say=said.append)
    page = asked(asking=asking)
    found, sent = page.item(view="pending"), len(model.asked)
    model.queue.append(replace(basic(fake, NEW), hang_s=0.5))
    asks = threading.Thread(target=lambda: page.decide("redraft", found, words="better"))
    asks.start()
    while asks.is_alive() and len(model.asked) == sent:
        time.sleep(0.01)
    asking.close()
    assert fronts(page.item(view="pending")) == [OLD, NEW]
    assert "the page is closing" in page.decide("redraft", page.item(view="pending"))["refused"]
    asks.join()


def test_a_reply_of_which_nothing_came_yet_is_used_and_not_paid_for_again(
    forge, fake, model, asked, monkeypatch
):
    from ankiforge.pipeline import DraftRecorder

    page = asked()
    found = page.item(view="pending")
    model.queue.append(basic(fake, NEW))
    with monkeypatch.context() as patch:
        patch.setattr(DraftRecorder, "_batch", lambda *_: (_ for _ in ()).throw(MemoryError))
        assert page.decide("redraft", found, words="better")["error"]
    sent = len(model.asked)
    after = page.decide("redraft", found, words="better")
    assert (fronts(after), len(model.asked)) == ([OLD, NEW], sent)
    assert "nothing was sent" in after["told"]
    model.queue.append(basic(fake, NEWEST))
    assert fronts(page.decide("redraft", after, words="better")) == [OLD, NEW, NEWEST]
