"""Which question a run names, row by row."""

from types import SimpleNamespace
from typing import Any

import pytest

from ankiforge.ledger.readings import IngestReport
from ankiforge.model import UserQuestionKind
from ankiforge.reports import summary


def ask(kind: UserQuestionKind, text: str, *examples: str) -> Any:
    return SimpleNamespace(kind=kind, text=text, examples=examples)


SAME = ask(UserQuestionKind.SAME, "Is it this?", "one\nline", "other")
EMPTIED = ask(UserQuestionKind.EMPTIED, "Were they deleted?")
FORM = ask(UserQuestionKind.FORM, "Are they cards?", "a :: b")


@pytest.mark.parametrize(
    ("found", "asked", "told"),
    [
        ({"new": ["k"]}, [SAME], "Is it this? “one line”:"),
        ({"changed": [("k", "a", "b")]}, [SAME], "Is it this? “one line”:"),
        ({"missing_keys": ["k"]}, [EMPTIED], "Were they deleted?"),
        ({"suspicious_containers": {"v": (0, 1)}}, [EMPTIED], "Were they deleted?"),
        (
            {"new": ["k"]},
            [SAME, EMPTIED, FORM],
            "Is it this? (and 2 more) “one line”:",
        ),
        ({"new": ["k"]}, [FORM], "Are they cards? “a :: b”:"),
        # a run without a change says nothing
        ({"removed_keys": ["k"]}, [SAME], ""),
        ({}, [SAME], ""),
        ({"new": ["k"]}, [], ""),
    ],
)
def test_a_run_with_a_change_names_the_first_question(monkeypatch, found, asked, told):
    monkeypatch.setattr(summary.questions, "find_open_questions", lambda ledger: asked)
    line = summary._format_open_questions(IngestReport(**found), None)
    command = "ankiforge list --view questions"
    assert line == (f"to answer: {told} {command}" if told else "")
