"""What is shown of a card is what Anki shows of it, and a conflict is open or decided everywhere."""

import pytest

from tests.anki.stories import do
from tests.anki.test_lost_and_found import told
from tests.conftest import is_card_or_draft

WHO = "When did the war end?::in {}\n"


@pytest.fixture
def open_conflict(desk):
    """A person changed the card in Anki, and the source changed it, too."""
    desk.word = "war"
    desk.write(WHO.format(1945))
    for step in (do.go(), do.edit(Back="in '46")):
        step(desk)
    desk.run(written=0)
    desk.write(WHO.format(1948))
    desk.came = desk.run(conflicts=1, written=0)
    return desk


def decided(desk):
    """The lines of the decisions and changes that are told as done, about the words of the card."""
    views = [
        desk.forge.ok("list", "--view", view, "--json").lines
        for view in ("recent", "changed")
    ]
    done = [
        one for view in views for one in view if one.get("what") in ("revise", "resolve")
    ]
    return [(one["what"], one["text"].split(" / ")[-1]) for one in done]


def told_of(desk):
    """The answer of the card as each list tells it."""
    rows = desk.forge.ok("list", "--json").lines
    [listed] = filter(is_card_or_draft, rows)
    [shown] = desk.forge.ok("list", "-v", desk.guid(), "--json").lines
    text = desk.forge.ok("list", "-v", desk.guid()).stdout
    back = next(line[10:] for line in text.splitlines() if line.startswith("back "))
    return {listed["fields"]["Back"], shown["fields"]["Back"], back}


def test_words_that_a_person_changed_in_anki_are_shown(desk):
    desk.word = "war"
    desk.write(WHO.format(1945))
    for step in (do.go(), do.edit(Back="in '46")):
        step(desk)
    assert told_of(desk) == {"in 1945"}, "Anki was not looked at yet"
    desk.run(written=0)
    assert told_of(desk) == {"in '46"}


def test_an_open_conflict_is_nowhere_told_as_decided(open_conflict):
    desk = open_conflict
    assert [one["why"] for one in desk.came["changes"]] == [
        "you changed it, too; you choose whose words stay: ankiforge review"
    ]
    assert desk.came["cards"]["changed"] == 0
    told = (desk.came["state"], desk.forge.json("status"))
    assert [state["waiting"]["changed"] for state in told] == [1, 1]
    assert len(desk.questions("conflict")) == 1
    assert decided(desk) == []
    assert told_of(desk) == {"in '46"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [("reject", "in '46"), ("accept", "in 1948")],
    ids=["mine", "source"],
)
def test_a_conflict_that_is_decided_is_open_nowhere_and_the_words_that_stay_are_shown(
    open_conflict, answer, words
):
    desk = open_conflict
    for _ in range(2):
        desk.run(written=0, conflicts=1)
    [question] = desk.questions("conflict")
    assert question["guids"] == [desk.guid()]
    assert question["conflicts"] == [
        {"field": "Back", "mine": "in '46", "source": "in 1948"}
    ]
    desk.note(Back="in '46")

    desk.answered("conflict", answer)
    for _ in range(3):
        assert desk.questions() == []
        assert desk.forge.json("status")["waiting"]["changed"] == 0
        assert told_of(desk) == {words}
        assert ("resolve", "") in [(what, "") for what, _ in decided(desk)]
        desk.ship()
    desk.note(Back=words)


@pytest.mark.parametrize(
    ("answer", "shipped", "last"),
    [("accept", True, "reject"), ("reject", False, "accept")],
)
def test_a_conflict_is_asked_again_once_its_answer_is_taken_back(
    open_conflict, answer, shipped, last
):
    desk = open_conflict
    desk.answered("conflict", answer)
    if shipped:
        desk.ship()
    desk.forge.ok("undo")
    for _ in range(2):
        [question] = desk.questions("conflict")
        assert question["conflicts"] == [
            {"field": "Back", "mine": "in '46", "source": "in 1948"}
        ]
        assert told_of(desk) == {"in '46"}
        desk.ship()
    desk.note(Back="in '46")
    desk.answered("conflict", last)
    desk.ship()
    assert desk.questions() == []
    desk.note(Back="in 1948" if last == "accept" else "in '46")


@pytest.mark.parametrize(
    "end", [("reject", "CARD"), ("delete",)], ids=["rejected", "deleted"]
)
def test_a_conflict_ends_with_its_card(open_conflict, end):
    desk = open_conflict
    if end == ("delete",):
        desk.delete()
    else:
        desk.say(*end)
    desk.run()
    assert desk.questions() == []
    assert not any(desk.forge.json("status")["waiting"].values())


@pytest.fixture
def edited_in_anki(desk):
    """A person changed the card in Anki, and lists show it."""
    desk.word = "war"
    desk.write(WHO.format(1945))
    told(desk, do.go(), do.edit(Back="in '46"), do.run(written=0))
    return desk


EDIT = do.say("edit", "CARD", "--field", "Back", "in 1946, in May")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        pytest.param((EDIT,), "in 1946, in May", id="new words"),
        pytest.param(
            (do.say("edit", "CARD", "--field", "Back", "in 1945"),),
            "in 1945",
            id="the words of the source again",
        ),
        pytest.param(
            (do.write(WHO.format(1948)), do.run(conflicts=1), EDIT),
            "in 1946, in May",
            id="the source changed it, too",
        ),
        pytest.param((EDIT, do.say("undo")), "in '46", id="undone before it is sent"),
        pytest.param((EDIT, do.go(), do.say("undo")), "in '46", id="undone after that"),
        pytest.param((EDIT, do.lose()), "in 1946, in May", id="the database is lost"),
    ],
)
def test_an_edit_here_replaces_the_words_in_anki_that_it_was_made_on(
    edited_in_anki, steps, words
):
    desk = edited_in_anki
    told(desk, *steps, do.ship())
    desk.run(written=0, conflicts=0)
    desk.note(Back=words)
    assert desk.questions() == []
    assert told_of(desk) == {words}


def test_an_edit_here_of_words_that_were_changed_in_anki_unseen_is_a_conflict(desk):
    desk.word = "war"
    desk.write(WHO.format(1945))
    told(desk, do.go(), do.edit(Back="in '46"), EDIT)
    desk.run(written=0, conflicts=1)
    desk.note(Back="in '46")
    [question] = desk.questions("conflict")
    assert question["text"] == "You changed this card here, and in Anki."
    assert question["accept"] == "take the words from here"
    desk.answered("conflict", "accept")
    desk.ship()
    desk.note(Back="in 1946, in May")


def test_an_edit_of_another_field_leaves_the_words_in_anki(edited_in_anki):
    desk = edited_in_anki
    told(desk, do.say("edit", "CARD", "--field", "Front", "When did the war end?!"))
    desk.run(written=1, conflicts=0)
    desk.load()
    desk.note(Front="When did the war end?!", Back="in '46")


@pytest.mark.parametrize("where", ["here", "in Anki"])
def test_both_sides_of_a_conflict_are_told_as_they_were_written(desk, where):
    desk.word = "swap"
    desk.write("When does it swap?::if b>a\n")
    desk.go()
    if where == "here":
        desk.say("edit", "CARD", "--field", "Back", "only if `a<b` &amp; not *else*")
    else:
        desk.edit(Back="only if <code>a&lt;b</code> &amp;amp; not <i>else</i>")
    desk.run()
    desk.write("When does it swap?::if a<b & c\n")
    desk.run()
    [question] = desk.questions("conflict")
    mine, source = "only if `a<b` &amp; not *else*", "if a<b & c"
    [conflict] = question["conflicts"]
    assert [word.replace("\\", "") for word in conflict.values()] == [
        "Back",
        mine,
        source,
    ]
    told = desk.forge.ok("list", "-v", question["id"]).stdout
    assert f"mine {mine}" in " ".join(told.replace("\\", "").split())
    assert f"source {source}" in " ".join(told.replace("\\", "").split())
