"""What a person decides about a card whose passage changed, and that each decision can be undone."""

import json
import os
import re
from contextlib import contextmanager

import pytest

from ankiforge.features.patch.work import build_patch_from_anki
from ankiforge.pipeline.workspace import Workspace
from ankiforge.web.documents import PageRenderer
from ankiforge.web.session import ReviewSession
from tests.forked import AtTerminal
from tests.golden.anki import opened
from tests.life import ways
from tests.life.ways import EVENTS, FACT, NEW, QUESTION, START, WAYS, Person
from tests.limits import PATIENCE
from tests.makers.keyboard import Keyboard

NEWER = NEW.replace("40", "60")


@pytest.fixture
def person(tmp_path):
    """A person with a card of a chat whose passage says 40 now."""
    person = Person(tmp_path, WAYS["chat"])
    person.write(START)
    person.run()
    ways.ask_chat(person)
    person.run()
    change(person, NEW)
    return person


def change(person: Person, sentence: str) -> None:
    person.write(ways.reword(START, sentence))
    person.run()


def find_change(person: Person) -> dict:
    [row] = [row for row in person.rows() if row.get("changes")]
    return row


def snapshot(person: Person) -> list:
    """Everything that the lists show."""
    views = ("", "new", "changed", "gone", "questions")
    return [person.rows(*(("--view", view) if view else ("--all",))) for view in views]


def decide(person: Person, *arguments: str) -> str:
    said = person.call(*arguments)
    assert "refused" not in said, said
    return said


DECISIONS = {
    "keep": ("accept", "ID"),
    "edit": ("edit", "ID", "--field", "Back", "about 40 times"),
    "edit the card": ("edit", "GUID", "--field", "Back", "about 40 times"),
    "retire": ("reject", "ID"),
    "reject the card": ("reject", "GUID"),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_settles_the_change_and_undo_brings_it_back(person, name):
    [guid] = person.cards()
    row = find_change(person)
    assert row["keeps_text"]
    assert row["waits"] == "Its passage has changed: does the card still fit?"
    assert (row["old_quote"], row["quote"]) == (FACT, NEW)
    assert row["fields"] == {"Front": QUESTION, "Back": "about 20 times"}
    before = snapshot(person)

    words = {"ID": row["id"], "GUID": guid}
    decide(person, *(words.get(word, word) for word in DECISIONS[name]))
    for _ in range(2):
        assert not any(row.get("changes") for row in person.rows())
        cards = {row["guid"]: row for row in person.rows("--all") if row["guid"]}
        if "reject" in DECISIONS[name]:
            assert cards[guid]["verdict"] == "rejected"
        else:
            assert cards[guid]["verdict"] == "accepted"
            assert cards[guid]["quote"] == NEW
            back = "about 40 times" if "edit" in DECISIONS[name] else "about 20 times"
            assert cards[guid]["fields"]["Back"] == back
            assert "source_changed" not in json.dumps(cards[guid])
        person.run()

    undone = decide(person, "undo")
    if name == "keep":
        assert "undone: kept\n" in undone
    assert snapshot(person) == before
    person.run()
    assert snapshot(person) == before


def test_a_kept_card_is_asked_about_again_only_if_the_passage_changes_again(person):
    decide(person, "accept", find_change(person)["id"])
    change(person, NEWER)
    row = find_change(person)
    assert (row["old_quote"], row["quote"]) == (NEW, NEWER)
    change(person, NEW)
    assert not any(row.get("changes") for row in person.rows())


def test_the_answer_of_a_chat_is_a_revision_of_the_card(person):
    [guid] = person.cards()
    before = snapshot(person)
    text = person.chat_text()
    assert f"<was>{FACT}</was>" in text
    assert f"<card>{QUESTION} » about 20 times</card>" in text
    label = ways.find_label(text, NEW)
    answer = {**ways.CARD, "back": "about 40 times", "quote": NEW, "h": label}
    person.import_answer(answer)
    row = find_change(person)
    assert (row["changes"], row["keeps_text"]) == (guid, False)
    decide(person, "accept", row["id"])
    [card] = person.cards().values()
    assert (card["guid"], card["fields"]["Back"]) == (guid, "about 40 times")
    assert not any(row.get("changes") for row in person.rows())
    assert "undone: new words\n" in decide(person, "undo")
    assert find_change(person)["id"] == row["id"]
    decide(person, "undo")
    assert snapshot(person) == before


def test_each_of_two_cards_is_revised_by_the_answer_about_it(tmp_path):
    person = Person(tmp_path, WAYS["chat and own"])
    person.write(START)
    person.run()
    ways.ask_chat_and_write_own(person)
    change(person, NEW)
    guids = {
        row["fields"]["Front"]: row["changes"]
        for row in person.rows()
        if row.get("changes")
    }
    assert len(guids) == 2
    label = ways.find_label(person.chat_text(), NEW)
    answer = {**ways.CARD, "back": "about 40 times", "quote": NEW, "h": label}
    person.import_answer(answer)
    rows = [row for row in person.rows() if row.get("changes")]
    assert {row["fields"]["Front"]: row["changes"] for row in rows} == guids
    assert [row["keeps_text"] for row in rows if row["fields"]["Front"] == QUESTION] == [
        False
    ]
    assert {row["keeps_text"] for row in rows} == {True, False}


def test_many_at_once_leave_the_change_to_the_person(person):
    before = find_change(person)
    for command in ("accept", "reject"):
        person.call(command, "--all", "--filter", "verdict:waiting")
        assert find_change(person) == before


def test_the_change_is_shown_with_both_passages(person):
    [guid] = person.cards()
    row = find_change(person)
    for id in (row["id"], guid):
        shown = person.call("list", "-v", id).replace("**", "")
        assert FACT in shown
        assert NEW in shown
    assert f"reject {row['id'][:10]}   the card goes" in shown


def test_a_sentence_that_left_a_longer_mark_waits_with_the_whole_mark(tmp_path):
    person = Person(tmp_path, WAYS["chat"])
    person.write(ways.BOTH_IN_ONE)
    person.run()
    ways.ask_chat(person)
    mark = ways.Mark("AAAAAAAA", f"{ways.NEIGHBOUR} Coffee hides this for hours.")
    person.write(ways.with_marks(START, mark))
    person.run()
    row = find_change(person)
    assert (row["old_quote"], row["quote"]) == (FACT, mark.text)
    decide(person, "accept", row["id"])
    person.run()
    assert not any(row.get("changes") for row in person.rows())
    assert person.cards()


def test_a_change_goes_with_its_passage_and_its_card_is_said_to_have_lost_it(
    person, no_waiting
):
    [guid] = person.cards()
    person.write(EVENTS["deleted"].steps[0](person.written))
    said = person.run()
    assert "change waiting" not in said
    assert "1 card in Sleep: the passage was not found; the next run" in said
    said = person.run()
    assert "1 card lost its passage in Sleep" in said
    assert "lost" not in person.run()
    [row] = person.rows("finding:source_gone")
    assert (row["guid"], row["change"]) == (guid, None)
    person.write(ways.reword(START, NEW))
    person.run()
    assert find_change(person)["old_quote"] == FACT


def test_a_lost_card_that_comes_back_leaves_nothing(tmp_path, no_waiting):
    person = Person(tmp_path, WAYS["chat"])
    person.write(START)
    person.run()
    ways.ask_chat(person)
    person.run()
    ask_chat_about_neighbour(person)
    before = snapshot(person)
    said = []
    for step in EVENTS["back"].steps:
        person.write(step(person.written))
        said.append(person.run())
    assert snapshot(person) == before
    said.append(person.run())
    missing, lost, back, after = said
    assert "1 highlight (2 not found)" in missing
    assert "1 card in Sleep: the passage was not found; the next run" in missing
    assert "1 card lost its passage in Sleep" in lost
    for word in ("found", "lost"):
        assert word not in back + after


def ask_chat_about_neighbour(person: Person) -> None:
    """Have a draft that nobody has decided on."""
    label = ways.find_label(person.chat_text(), ways.NEIGHBOUR)
    answer = {"front": "What builds up while a person is awake?", "back": "Adenosine"}
    person.import_answer({**ways.CARD, **answer, "quote": ways.NEIGHBOUR, "h": label})


# --- on the page and in the terminal ------------------------------------------------------


@contextmanager
def page(person: Person):
    """Open the review page of a person, without a browser."""
    with person.forge.here(), Workspace() as workspace:
        yield ReviewSession(workspace, PageRenderer())


@contextmanager
def at_terminal(person: Person):
    environment = {**os.environ, **person.forge.environment, "TERM": "dumb"}

    def start(terminal: int) -> AtTerminal:
        return AtTerminal(
            ["review", "--terminal"], person.forge.folder, environment, terminal
        )

    with Keyboard(start, PATIENCE) as keyboard:
        yield keyboard


def without_colours(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", text).split())


def test_the_page_shows_the_card_with_its_old_and_new_passage(person):
    with page(person) as session:
        [id] = session.render_list("you")["ids"]
        item = session.render_item(id)
        assert item["ask"] == "The passage has changed. Does the card still fit?"
        [card] = item["cards"]
        assert "about 20 times" in card["back"]
        was, now = item["passages"]
        assert (was["label"], now["label"]) == ("It said", "It says now")
        assert [words for differs, words in was["runs"] if differs] == ["20"]
        assert [words for differs, words in now["runs"] if differs] == ["40"]
        assert "".join(words for _, words in now["runs"]) == NEW
        labels = [action["label"] for action in item["actions"]]
        assert labels == ["Keep mine", "Retire it", "Edit", "Ask again", "Later"]


@pytest.mark.parametrize(
    ("key", "said", "verdict"), [("\r", "kept", "accepted"), ("x", "retired", "rejected")]
)
def test_keys_keep_or_retire_the_card(person, key, said, verdict):
    [guid] = person.cards()
    with at_terminal(person) as keyboard:
        shown = without_colours(keyboard.shown())
        assert (
            f"it said {FACT.replace(' 20', ' **20**')}" in shown
            or f"it said {FACT}" in shown
        )
        assert "Enter keeps x retires e edits" in shown
        count = shown.replace("*", "").count("about 20 times")
        assert count == 1 + FACT.count("about 20 times")
        assert said in without_colours(keyboard.press(key))
        keyboard.press("\x1b")
        keyboard.ended()
    verdicts = {row["guid"]: row["verdict"] for row in person.rows("--all")}
    assert verdicts[guid] == verdict


# --- a conflict, and what undo reaches -----------------------------------------------------


@pytest.fixture
def in_conflict(tmp_path):
    """A person with a conflict about a card, and a draft that waits."""
    person = Person(tmp_path / "conflict", WAYS["question"])
    person.write(START)
    person.run()
    [guid] = person.cards()
    person.call("edit", guid, "--field", "Back", "twenty times")
    marked = "Cats ==sleep most of the day==, dogs do not."
    (person.sources / "Cats.md").write_text(marked)
    change(person, NEW)
    return person


@pytest.mark.parametrize(("key", "back"), [("1", "twenty times"), ("2", NEW)])
def test_the_terminal_asks_about_a_conflict_before_everything_else(
    in_conflict, key, back
):
    with at_terminal(in_conflict) as keyboard:
        shown = without_colours(keyboard.shown())
        words = shown.replace("*", "")
        assert f"Sleep {QUESTION} You changed this card, and so did its source." in words
        assert "Back: 1 yours twenty times 2 source" in words
        assert "Enter keeps yours 2 source" in words
        assert "Cats" not in shown
        assert "Cats" in without_colours(keyboard.press(key))
        keyboard.press("\x1b")
        keyboard.ended()
    [card] = in_conflict.cards().values()
    assert card["fields"]["Back"] == back
    assert in_conflict.rows("--view", "questions") == []


def test_a_conflict_names_its_card(in_conflict):
    [question] = in_conflict.rows("--view", "questions")
    assert question["examples"] == [QUESTION, "Sleep"]
    assert f"{QUESTION} / Sleep" in in_conflict.call("list", "--view", "questions")
    assert in_conflict.call("list").startswith("Changed cards  1 waiting\n")


def test_a_card_in_conflict_is_in_no_patch(in_conflict):
    def build():
        with in_conflict.forge.here(), Workspace() as workspace:
            return build_patch_from_anki(workspace)

    refused = build()
    assert refused.files == ()
    [edit] = refused.refused
    assert "decide first whose words stay" in edit.reason
    decide(in_conflict, "reject", in_conflict.rows("--view", "questions")[0]["id"])
    [file] = build().files
    assert b"twenty times" in file.diff


def test_the_shelf_begins_with_a_conflict(in_conflict, person):
    with page(in_conflict) as session:
        first, *others = session.render_documents()["documents"]
        assert (first["id"], others[0]["id"]) == ("best", "you")
        assert any(row["waiting"] for row in others)
    with page(person) as session:  # a change without a conflict is below the documents
        rows = session.render_documents()["documents"]
        assert [row["id"] for row in rows if row["waiting"]] == ["you"]


def test_the_shelf_counts_the_cards_that_lost_their_passage(person):
    with ways.no_waiting():
        for step in EVENTS["document"].steps:
            person.write(step(person.written))
            person.run()
    with page(person) as session:
        assert "1 card lost its passage in Sleep" in session.render_documents()["lost"]


def test_a_conflict_is_the_next_thing_to_decide(in_conflict):
    status = in_conflict.status()
    assert status["waiting"]["changed"] == 1
    assert status["waiting"]["new"] == 1
    assert "decide on 1 card that you and the source both changed" in status["why"]


def test_undoing_an_edit_leads_to_the_new_text_of_the_source(tmp_path):
    person = Person(tmp_path, WAYS["question"])
    person.write(START)
    person.run()
    [guid] = person.cards()
    person.call("edit", guid, "--field", "Back", "twenty times")
    change(person, NEW)
    assert [row["question"] for row in person.rows("--view", "questions")] == ["conflict"]
    decide(person, "undo")
    assert person.cards()[guid]["fields"]["Back"] == NEW
    assert person.rows("--view", "questions") == []
    person.run()
    assert NEW in "".join(person.notes()[guid])


def test_undo_does_not_take_back_a_deletion_in_anki(tmp_path, backend):
    person = Person(tmp_path, WAYS["edited in Anki"])
    person.write(START)
    person.run()
    ways.ask_chat(person)
    person.run()
    [guid] = person.cards()
    with opened(person.collection, 60.0) as anki:
        anki.load(person.package)
    person.run()
    with opened(person.collection, 120.0) as anki:
        anki.delete(guid)
    person.run()
    decided = {row["guid"]: row["verdict"] for row in person.rows("--all")}
    assert decided[guid] == "retired"
    said = person.call("undo")
    assert "deleted" not in said
    assert "retired" not in said
    assert guid not in person.notes() or guid not in person.cards()
    person.call("undo", guid)


def test_a_chat_and_a_list_see_the_words_that_anki_has(tmp_path, backend):
    person = Person(tmp_path, WAYS["edited in Anki"])
    person.write(START)
    person.run()
    ways.edit_in_anki(person)
    change(person, NEW)
    [guid] = person.cards()
    edited = person.cards()[guid]["fields"]["Back"]
    assert edited != ways.CARD["back"]
    text = person.chat_text()
    assert f"» {edited}</card>" in text
    answer = {**ways.CARD, "back": "about 40 times", "quote": NEW}
    person.import_answer({**answer, "h": ways.find_label(text, NEW)})
    assert f"Back: {edited}" in person.call("list", "--view", "changed", "-v")
