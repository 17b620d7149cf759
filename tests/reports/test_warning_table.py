"""What is said beside a draft: the weightiest reason in a line, with what to do, and whether its
words must change."""

import pytest

from ankiforge.check.rules_and_text import make_finding
from ankiforge.model import (
    Origin,
    PendingDraft,
    Remark,
    RemarkKind,
    Severity,
)
from ankiforge.reports.view import explain_pending, find_main_warning
from tests.cards import made

LONG = make_finding("gaps_gt3", "4 gaps, more than 3")
MUCH = make_finding("gap_gt8w", "18 words, more than 8")
LEAK = make_finding("gap_leak", "“iron”")
NUMBER = make_finding("number_altered", "“5 kg”")
COUNTED = make_finding("gap_leak", "“iron”", severity=Severity.INFO)
TAKEN_BACK = Remark(RemarkKind.TAKEN_BACK)
REJECTED = Remark(RemarkKind.REJECTED_ELSEWHERE)


@pytest.mark.parametrize(
    ("findings", "remarks", "line"),
    [
        ([], [], ""),
        ([COUNTED], [], ""),
        ([LONG, MUCH], [], "The gap is long. Choose other words to blank out."),
        ([NUMBER], [], "The source has the number with another unit, sign or era: “5 kg”. Compare it with the passage."),
        ([MUCH, LEAK], [], "The blanked-out words also appear in the text: “iron”. Choose other words to blank out."),
        ([MUCH], [TAKEN_BACK], "The gap is long. Choose other words to blank out."),  # one knows it
        ([LEAK], [TAKEN_BACK], "The blanked-out words also appear in the text: “iron”. Choose other words to blank out."),
        ([MUCH], [REJECTED], "You rejected the same words in another place."),
        ([], [TAKEN_BACK], ""),
    ],
)  # fmt: skip
def test_the_weightiest_reason_is_said_with_what_to_do(findings, remarks, line):
    draft = made(PendingDraft, findings=tuple(findings), remarks=tuple(remarks))
    assert find_main_warning(draft) == (line or None)


@pytest.mark.parametrize(
    ("findings", "remarks", "why"),
    [
        ([], [REJECTED], "You rejected the same words in another place."),
        ([], [REJECTED, TAKEN_BACK], "You rejected the same words in another place."),
        ([], [TAKEN_BACK], "Written by a model; you decide."),  # it waits in any case
        ([LEAK], [], "The blanked-out words also appear in the text: “iron”. Choose other words to blank out."),
        ([COUNTED], [], "Written by a model; you decide."),
    ],
)  # fmt: skip
def test_why_a_draft_waits(findings, remarks, why):
    draft = made(PendingDraft, findings=tuple(findings), remarks=tuple(remarks))
    assert explain_pending(draft) == why


@pytest.mark.parametrize(
    ("origin", "why"),
    [
        (Origin("llm", "chat"), "Written by a chat; you decide."),
        (Origin("llm", "gpt"), "Written by a model; you decide."),
        (Origin("agent", "claude"), "Written by an agent; you decide."),
    ],
)
def test_who_made_a_draft_is_told(origin, why):
    assert explain_pending(made(PendingDraft, origin=origin)) == why


def test_a_hand_written_draft_waits_after_its_acceptance_was_undone():
    draft = made(PendingDraft, user_text_number=0, remarks=(TAKEN_BACK,))
    assert draft.is_hand_written
    assert explain_pending(draft) == "You undid your acceptance."
