"""A card and its document on one line."""

from itertools import islice

import pytest

from ankiforge.check.rules_and_text import make_finding
from ankiforge.model import (
    CardKind,
    Guid,
    LocalCard,
    PendingDraft,
    Severity,
    Verdict,
)
from ankiforge.reports.cards import RowRole, format_item_in_full, format_row
from ankiforge.reports.view import view_card
from tests.cards import made


def test_a_figure_names_its_labels(make_card):
    masks = "hide all\n1 .1 .2 .3 .4 Femur\n2 .5 .5 .1 .1"
    card = make_card(CardKind.OCCLUSION, Occlusion=masks, Image="![Fig. 2](x.png)")
    text = [line.split(maxsplit=1) for line in islice(format_item_in_full(None, card), 6)]
    assert ["hides", "all labels"] in text
    assert text[-2:] == [["1", "Femur"], ["2", "(drawn)"]]
    shown = format_row(view_card(card), "af5dv3", RowRole.CARD)
    assert shown == "af5dv3 ✓ Fig. 2, p. 250"


BLOCKED = make_finding("number_altered", "“5 kg”", severity=Severity.BLOCK)


@pytest.mark.parametrize(
    ("draft", "row"),
    [
        ({}, "dr ○ Q\tmodel"),
        (
            {"findings": (BLOCKED,)},
            "dr ○ Q\tmodel · blocked: The source has the number with another unit, sign or era: “5 kg”. Compare it with the passage.",
        ),
        ({"keeps_text": True}, "dr ○ Q\tits passage changed"),
    ],
)  # fmt: skip
def test_a_row_says_what_is_special_about_a_draft(draft, row):
    card = made(PendingDraft, kind=CardKind.BASIC, fields=(("Front", "Q"),), **draft)
    shown = format_row(view_card(card), "dr", RowRole.DECISION)
    assert shown.replace(" · p. 250", "") == row


@pytest.mark.parametrize(
    ("verdict", "reason", "anki", "row"),
    [
        (Verdict.LIVE, "", "seen", "af5dv3 ✓ Femur"),
        (Verdict.RETIRED, "deleted in Anki", "deleted", "af5dv3 ✗ Femur\tretired: deleted in Anki"),
        (Verdict.REJECTED, "", "written", "af5dv3 ✗ Femur\trejected"),
        (Verdict.REJECTED, "too  long", "seen", "af5dv3 ✗ Femur\trejected: too long, still in Anki"),
        (Verdict.TAKEN_BACK, "its acceptance was undone", "seen", "af5dv3 ✗ Femur\tundone, still in Anki"),
    ],
)  # fmt: skip
def test_a_row_says_why_a_card_is_none_and_whether_anki_has_it(
    verdict, reason, anki, row
):
    card = made(
        LocalCard,
        fields=(("Text", "Femur"),),
        verdict=verdict,
        verdict_reason=reason,
        anki_state=anki,
    )
    view = view_card(card)
    page = view.card.highlight.page_or_time
    shown = format_row(view, "af5dv3", RowRole.CARD)
    assert shown.removesuffix(f" · {page}").removesuffix(f"\t{page}") == row


BLOCK = make_finding("quote_not_in_source", severity=Severity.BLOCK)
EDIT, REJECT = 'edit dr1 --field Text "…"', "reject dr1"


@pytest.mark.parametrize(
    ("card", "commands"),
    [
        (made(PendingDraft), ("accept dr1", EDIT, REJECT)),
        (made(PendingDraft, findings=(BLOCK,)), ("accept --force dr1", EDIT, REJECT)),
        (
            made(PendingDraft, revised_guid=Guid("af1")),
            (
                "accept dr1   the card gets these words",
                "accept --another dr1   another card",
                EDIT,
                REJECT,
            ),
        ),
        (made(PendingDraft, kind=CardKind.OCCLUSION), ("accept dr1", "review", REJECT)),
        (made(LocalCard), ()),
        (made(LocalCard, verdict=Verdict.REJECTED), ("undo af1",)),
    ],
)
def test_each_stage_of_a_card_has_its_commands(card, commands):
    assert view_card(card).commands == commands
