"""What an undo takes back, of events that stand, row by row."""

from contextlib import nullcontext

import pytest
from msgspec.structs import replace

from ankiforge.errors import RefusedError
from ankiforge.ledger.anki_changes import DELETED_REASON
from ankiforge.ledger.events import (
    FOUND_KEY,
    POLICY,
    RETIRED_TAG_REASON,
    SOURCE,
    USER,
    Event,
)
from ankiforge.ledger.undo import (
    build_restoring_edit,
    find_last_decision,
    find_last_user_decision,
    refuse_if_later_change,
    select_events_to_undo,
    should_reopen_conflict,
)
from ankiforge.model import Card, CardKind, FieldEdits, Json
from tests.cards import made

P, Q = "v:v/p", "v:v/q"
_NONE: Json = {}


def event(
    n: int,
    what: str,
    body: Json = _NONE,
    *,
    key: str = P,
    by: str = USER,
    act: str = "",
) -> Event:
    return Event(
        number=n,
        device_id="a",
        time="",
        author=by,
        kind=what,
        key=key,
        body=body,
        action_id=act,
    )


ACCEPT = event(1, "accept", {"guid": "af1"})
FOUND_IT = event(2, "accept", {"guid": "af2", FOUND_KEY: True})
RETIRED = event(3, "retire", {"guid": "af1", "why": RETIRED_TAG_REASON})
DELETED = event(3, "retire", {"guid": "af1", "why": DELETED_REASON})
SAID_DELETED = event(3, "retire", {"guid": "af1", "why": DELETED_REASON}, act="a.3")
REVISED = event(4, "revise", {"guid": "af1"}, by=SOURCE)
BY_POLICY = event(5, "edit", {"guid": "af1", "fields": {}}, by=POLICY)
OTHER = event(6, "reject", {"guid": "af3"})
SKIP = event(7, "skip")


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([], None),
        ([OTHER, ACCEPT], OTHER),
        ([FOUND_IT, RETIRED, ACCEPT], ACCEPT),  # as notes in Anki were found
        ([RETIRED, FOUND_IT], None),
        ([DELETED, ACCEPT], ACCEPT),  # what was done in Anki is no decision here
        ([SAID_DELETED, ACCEPT], SAID_DELETED),  # but the answer to a question is
    ],
)
def test_the_last_decision_of_a_person(events, last):
    assert find_last_user_decision(events) == last


@pytest.mark.parametrize(
    ("events", "guid", "last"),
    [
        ([], "", None),
        ([OTHER, ACCEPT], "", OTHER),
        ([ACCEPT, OTHER], "af1", ACCEPT),
        ([ACCEPT, SKIP, OTHER], "af1", SKIP),  # about no card
        ([FOUND_IT], "af2", None),
        ([ACCEPT, RETIRED], "af1", RETIRED),
        ([ACCEPT, REVISED], "af1", REVISED),  # by the source
        ([ACCEPT, BY_POLICY], "af1", ACCEPT),
    ],
)
def test_the_last_decision_about_a_passage_or_a_card(events, guid, last):
    assert find_last_decision(events, guid) == last


ONE = event(1, "accept", {"guid": "af1"}, act="a.1")
TWO = event(2, "edit", {"guid": "af2", "fields": {}}, act="a.1")
ELSEWHERE = event(3, "skip", key=Q, act="a.1")


@pytest.mark.parametrize(
    ("last", "guid", "together"),
    [
        (ACCEPT, "", [ACCEPT]),  # of no action
        (TWO, "", [ONE, TWO, ELSEWHERE]),
        (ONE, "af1", [ONE]),
        (TWO, "af2", [TWO]),
        (event(9, "revise", by=SOURCE, act="a.1"), "af1", None),
    ],
)
def test_what_goes_with_a_decision(last, guid, together):
    assert select_events_to_undo(last, [ELSEWHERE, TWO, ONE], [P], guid) == (
        together or [last]
    )


def edit(n: int, guid: str, field: str, act: str = "") -> Event:
    return event(n, "edit", {"guid": guid, "fields": {field: "new"}}, act=act)


REVISION = event(5, "revise", {"guid": "af1", "draft": {"fields": {"Back": "new"}}})


@pytest.mark.parametrize(
    ("taken_back", "standing", "refused"),
    [
        (edit(2, "af1", "Back"), [edit(3, "af1", "Back")], True),
        (edit(2, "af1", "Back"), [edit(3, "af1", "Front")], False),
        (edit(2, "af1", "Back"), [edit(3, "af2", "Back")], False),
        (edit(2, "af1", "Back"), [edit(1, "af1", "Back")], False),
        (edit(2, "af1", "Back"), [REVISION], True),
        # without the edit, the card has the text of its source
        (edit(2, "af1", "Back"), [replace(REVISION, author=SOURCE)], False),
        (REVISION, [replace(REVISION, number=6, author=SOURCE)], True),
        (REVISION, [edit(6, "af1", "Back")], True),
        (edit(2, "af1", "Back", "a.2"), [edit(3, "af1", "Back", "a.2")], False),
        (event(2, "reject", {"guid": "af1"}), [edit(3, "af1", "Back")], False),
    ],
)
def test_a_change_on_which_a_later_one_stands(taken_back, standing, refused):
    with pytest.raises(RefusedError) if refused else nullcontext():
        refuse_if_later_change([taken_back], [taken_back, *standing])


CARD = made(Card, kind=CardKind.BASIC, fields=(("Front", "q"), ("Back", "a")))
ANSWER = {"guid": "af1", "field": "Back", "was": "mine"}


@pytest.mark.parametrize(
    ("decision", "offered", "body"),
    [
        (event(1, "accept", {"guid": "af1"}), {}, None),
        (event(1, "edit", {"guid": "af1", "fields": {"Back": "b"}}), {}, None),
        (
            event(1, "edit", {"guid": "af1", "over": {"Back": ("hash", "mine")}}),
            {},
            {"guid": "af1", "fields": {"Back": "mine"}},
        ),
        (event(1, "resolve", {"guid": "af1", "field": "Back"}), {}, None),
        (
            event(1, "resolve", ANSWER),
            {},
            {"guid": "af1", "fields": {"Back": "mine"}, "offered": {"Back": "a"}},
        ),
        (
            event(1, "resolve", {**ANSWER, "was": "a"}),
            {},
            {"guid": "af1", "fields": {"Back": "a"}},
        ),
        (event(1, "resolve", ANSWER), {"Back": "of the source"}, None),  # edited here
    ],
)
def test_the_words_in_anki_that_are_in_question_again(decision, offered, body):
    card = replace(CARD, edits=FieldEdits(source_texts_offered=offered))
    again = (
        build_restoring_edit(decision, card) if should_reopen_conflict(decision) else None
    )
    assert again == body
