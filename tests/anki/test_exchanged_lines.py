"""Lines that exchange their places or their block ids: each card keeps its words and what became of it."""

import pytest

from tests.anki.stories import Desk

FIRST = "Who wrote Faust?::Goethe{}\n\nWho wrote Emma?::Jane Austen{}\n"
SECOND = "Who wrote Emma?::Jane Austen{}\n\nWho wrote Faust?::Goethe{}\n"
IDS = {
    "without block ids": (("", ""), ("", "")),
    "whose block ids stay": ((" ^one", " ^two"), (" ^one", " ^two")),
    "whose block ids go along": ((" ^one", " ^two"), (" ^two", " ^one")),
}
"""What stands behind the two lines of the note before and after they changed places."""


@pytest.fixture(params=IDS.values(), ids=IDS)
def exchanged(desk: Desk, request: pytest.FixtureRequest) -> str:
    """Both cards are in Anki; the text is that of the note when its lines have changed places."""
    before, after = request.param
    desk.write(FIRST.format(*before))
    desk.go()
    return SECOND.format(*after)


def suspend(desk: Desk) -> None:
    """The person suspends the card of Faust."""
    desk.col.sched.suspend_cards([card.id for card in desk.in_anki("Faust").cards()])


def words_in_anki(desk: Desk) -> dict[str, str]:
    """Front and back of our notes, by guid, but for those that are retired."""
    notes = map(desk.col.get_note, desk.col.find_notes("AnkiforgeId:_*"))
    live = [note for note in notes if "ankiforge::retired" not in note.tags]
    return {note.guid: f"{note['Front']} {note['Back']}" for note in live}


def test_a_rejected_fact_is_not_live_as_another_card(desk, exchanged):
    emma = desk.guid("Emma")
    desk.say("reject", desk.guid("Faust"))
    desk.ship()
    desk.write(exchanged)
    desk.ship()
    desk.run(written=0)
    assert words_in_anki(desk) == {emma: "Who wrote Emma? Jane Austen"}


def test_a_fact_deleted_in_anki_is_not_live_as_another_card(desk, exchanged):
    emma = desk.guid("Emma")
    desk.col.remove_notes([desk.in_anki("Faust").id])
    desk.write(exchanged)
    desk.ship()
    desk.run(written=0)
    assert words_in_anki(desk) == {emma: "Who wrote Emma? Jane Austen"}


def test_a_suspended_card_keeps_its_words(desk, exchanged):
    before = words_in_anki(desk)
    suspend(desk)
    desk.write(exchanged)
    desk.ship()
    assert words_in_anki(desk) == before
    assert [card.queue for card in desk.in_anki("Faust").cards()] == [-1]
    assert [card.queue for card in desk.in_anki("Emma").cards()] == [0]


def test_a_line_above_a_block_id_that_ends_a_note_takes_no_card(desk):
    desk.write("Who wrote Faust?::Goethe\n\n^tail\n")
    desk.go()
    faust = desk.guid("Faust")
    desk.write("Who wrote Faust?::Goethe\n\nWho wrote Emma?::Jane Austen\n\n^tail\n")
    desk.ship()
    desk.run(written=0)
    there = words_in_anki(desk)
    assert there[faust] == "Who wrote Faust? Goethe"
    assert sorted(there.values()) == [
        "Who wrote Emma? Jane Austen",
        "Who wrote Faust? Goethe",
    ]
    assert desk.questions() == []
