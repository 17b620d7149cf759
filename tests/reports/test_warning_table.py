"""What is said beside a draft: the weightiest reason in a line, with what to do, and whether its
words must change."""

from ankiforge.model import (
    PendingDraft,
    Remark,
    RemarkKind,
)
from ankiforge.reports.view import explain_pending
from tests.cards import made

TAKEN_BACK = Remark(RemarkKind.TAKEN_BACK)


def test_a_hand_written_draft_waits_after_its_acceptance_was_undone():
    draft = made(PendingDraft, user_text_number=0, remarks=(TAKEN_BACK,))
    assert draft.is_hand_written
    assert explain_pending(draft) == "You undid your acceptance."
