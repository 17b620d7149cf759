"""What the user can do with an item in each situation."""

import pytest

from ankiforge.model import (
    CardKind,
    Conflict,
    Guid,
    Origin,
    PendingDraft,
    Proposal,
    UserQuestion,
    UserQuestionKind,
)
from ankiforge.review.actions import (
    ACTIONS,
    ENTER,
    Situation,
    Verb,
    find_situation,
    list_question_actions,
    sort_as_commands,
)
from tests.cards import made

CARD = Guid("af1")


@pytest.mark.parametrize(
    ("draft", "situation"),
    [
        (made(Proposal), Situation.NEW_CARD),
        (made(PendingDraft), Situation.NEW_CARD),
        (made(PendingDraft, kind=CardKind.OCCLUSION), Situation.FIGURE),
        (made(PendingDraft, revised_guid=CARD), Situation.CHANGE_OR_ANOTHER),
        (
            made(PendingDraft, revised_guid=CARD, user_text_number=0),
            Situation.CHANGE,
        ),
        (
            made(PendingDraft, revised_guid=CARD, origin=Origin("rules:phrase")),
            Situation.CHANGE,
        ),
        (made(PendingDraft, replaced_guid=CARD), Situation.REPLACEMENT),
        (
            made(PendingDraft, revised_guid=CARD, keeps_text=True),
            Situation.OUTDATED_CARD,
        ),
    ],
)
def test_the_situation_of_a_draft(draft, situation):
    assert find_situation(draft) is situation


def test_enter_overwrites_no_words_of_the_user():
    for situation in (
        Situation.CHANGE,
        Situation.CHANGE_OR_ANOTHER,
        Situation.REPLACEMENT,
    ):
        default = ACTIONS[situation][0]
        assert (default.verb, default.keys[0]) == (Verb.REJECT, ENTER)


def make_question(kind: UserQuestionKind, lines: int, edited: tuple[bool, ...] = ()):
    conflicts = tuple(Conflict(CARD, "Back", "a", "b", "", "", each) for each in edited)
    ids = tuple(f"dr{number}" for number in range(lines))
    return UserQuestion("qu1", kind, "?", conflicts=conflicts, drafts=ids)


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        (make_question(UserQuestionKind.SAME, 1), {}),
        (
            make_question(UserQuestionKind.FORM, 1),
            {"Enter": "makes the card", "x": "none"},
        ),
        # Enter decides on at most one card
        (
            make_question(UserQuestionKind.FORM, 1200),
            {"Enter": "later", "1": "makes 1,200 cards", "x": "none"},
        ),
        (
            make_question(UserQuestionKind.CONFLICT, 0, (True, False)),
            {"Enter": "keeps yours", "2": "source"},
        ),
        (
            make_question(UserQuestionKind.CONFLICT, 0, (True,)),
            {"Enter": "keeps in Anki", "2": "here"},
        ),
    ],
)
def test_the_answers_to_a_question(question, keys):
    actions = list_question_actions(question)
    assert {each.keys[0]: each.legend for each in actions if each.keys} == keys
    commands = [each for each in sort_as_commands(actions) if each.effect is not None]
    assert [(each.verb, each.effect) for each in commands] == [
        (Verb.ACCEPT, question.accept_effect),
        (Verb.REJECT, question.reject_effect),
    ]
