"""What `search` prints of works, passages and answers, as text and as JSON, row by row."""

import pytest
from msgspec.structs import replace

from ankiforge.features.ask import report
from ankiforge.features.ask.answering import AnswerSentence, Question, build_request
from ankiforge.features.ask.index import FoundPassage, FoundWork
from ankiforge.model import (
    CardKind,
    Document,
    DocumentKey,
    Guid,
    Highlight,
    HighlightKey,
    HighlightKind,
    LocalCard,
    PendingDraft,
    Verdict,
)
from ankiforge.text import render_bold_marks
from tests.cards import made

PAPER = Document(
    DocumentKey("d"),
    "papers",
    "On Hearts",
    path="a/Hearts.pdf",
    creators=("Ada", "Bo"),
    publication_date="2019-05-01",
    uri="zotero://d",
)
MARK = Highlight(
    PAPER, "pdf:papers", HighlightKind.HIGHLIGHT, "The heart pumps blood.",
    HighlightKey("pdf:papers/k"), page_label="3", created="2026-03-04T05:06:07",
)  # fmt: skip
BOTH = (("Front", "What pumps?"), ("Back", "heart"))
CARD = made(
    LocalCard,
    kind=CardKind.BASIC,
    fields=BOTH,
    guid=Guid("af1234567890"),
    passages=(MARK,),
)
DRAFT = made(PendingDraft, kind=CardKind.BASIC, fields=BOTH, passages=(MARK,))
WORK = FoundWork((PAPER,), "title", "99 % alike", (MARK,), {}, (CARD, DRAFT))


def marks(*texts: str, **more: str) -> tuple[Highlight, ...]:
    return tuple(replace(MARK, exact=text, **more) for text in texts)


def shown(work: FoundWork, *, in_full: bool = False) -> list[str]:
    return [*report.format_work(work, in_full=in_full)]


HEAD = ["On Hearts (2019)", "  by        Ada, Bo", "  read      2026-03-04"]
CARDS = [
    "  cards     1 accepted, 1 waiting",
    "    af12345678  accepted  What pumps?",
    "    dr1  waiting   What pumps?",
]
OPEN = "  open      zotero://d"


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, [*HEAD, "  marked    1 highlight", "    p. 3: The heart pumps blood.", *CARDS, OPEN]),
        ({"documents": (replace(PAPER, title="", publication_date="", creators=(), uri=""),), "highlights": marks("a", "b", created=""), "list_rows": ()},
         ["a/Hearts.pdf", "  marked    2 highlights", "    p. 3: a", "    p. 3: b", "  cards     none"]),
        ({"highlights": (*marks("b", created="2026-03-05"), *marks("a"))},
         [*HEAD[:2], "  read      2026-03-04 to 2026-03-05", "  marked    2 highlights", "    p. 3: b", "    p. 3: a", *CARDS, OPEN]),
        # a URL is named once, and every document of the work may have one
        ({"documents": (PAPER, PAPER, replace(PAPER, uri="file:x"))},
         [*HEAD, "  marked    1 highlight", "    p. 3: The heart pumps blood.", *CARDS, OPEN, "  open      file:x"]),
        ({"highlights": marks("a", page_label="", comment="why?"), "presence": {MARK.key: "gone"}},
         [*HEAD, "  marked    1 highlight", "    a [why?]  (gone from the source)", *CARDS, OPEN]),
        ({"highlights": marks("", page_label="", comment="why?"), "presence": {MARK.key: "unread"}},
         [*HEAD, "  marked    1 highlight", "    why?  (its source is not read any more)", *CARDS, OPEN]),
        ({"highlights": marks("")}, [*HEAD, "  marked    1 highlight", "    p. 3: highlight", *CARDS, OPEN]),
        ({"highlights": marks("a  " * 60)}, [*HEAD, "  marked    1 highlight", f"    p. 3: {'a ' * 44}a…", *CARDS, OPEN]),
        ({"list_rows": (replace(CARD, anki_state="seen"), replace(CARD, verdict=Verdict.REJECTED), replace(CARD, verdict=Verdict.RETIRED))},
         [*HEAD, "  marked    1 highlight", "    p. 3: The heart pumps blood.", "  cards     1 accepted (1 in Anki), 1 rejected, 1 retired",
          "    af12345678  in Anki   What pumps?", "    af12345678  rejected  What pumps?", "    af12345678  retired   What pumps?", OPEN]),
    ],
)  # fmt: skip
def test_a_work_is_its_title_its_highlights_and_its_cards(changed, lines):
    assert shown(replace(WORK, **changed)) == lines


def test_five_highlights_and_cards_of_a_work_are_shown_or_all():
    for number, more in ((5, []), (6, ["    … 1 more (-v)"])):
        work = replace(
            WORK, highlights=marks(*"abcdef"[:number]), list_rows=(CARD,) * number
        )
        told = shown(work)
        assert told[4:10] == [
            *(f"    p. 3: {name}" for name in "abcde"),
            *(more or [told[9]]),
        ]
        assert told.count("    … 1 more (-v)") == 2 * len(more)
        in_full = shown(work, in_full=True)
        assert len(in_full) == 6 + 2 * number
        assert not any("more (-v)" in line for line in in_full)


PASSAGE = FoundPassage(MARK, 0.123456, "present", (CARD,), (4, 9))


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({}, ["The *heart* pumps blood.", "  in        On Hearts · p. 3", "  open      zotero://d", CARDS[1]]),
        ({"sentence": None, "presence": "gone", "list_rows": ()},
         ["The heart pumps blood.", "  in        On Hearts · p. 3 · gone from the source", "  open      zotero://d",
          '  no card   ankiforge edit hlab0efa77 --field Front "…" --field Back "…"']),
        ({"highlight": replace(MARK, uri="zotero://m", heading="Results"), "list_rows": (CARD,) * 6},
         ["The *heart* pumps blood.", "  in        On Hearts · p. 3 · Results", "  open      zotero://m", *[CARDS[1]] * 5]),
        ({"highlight": replace(MARK, document=replace(PAPER, uri=""), kind=HighlightKind.CARD, markdown=("What pumps?", "", "heart")), "sentence": None},
         ["What pumps? → heart", "  in        On Hearts · p. 3", CARDS[1]]),
        ({"highlight": replace(MARK, exact="", comment="It pumps."), "sentence": None}, ["It pumps.", "  in        On Hearts · p. 3", "  open      zotero://d", CARDS[1]]),
        ({"highlight": replace(MARK, heading="On Hearts")}, ["The *heart* pumps blood.", "  in        On Hearts · p. 3", "  open      zotero://d", CARDS[1]]),
    ],
)  # fmt: skip
def test_a_passage_is_its_words_its_place_and_its_cards(changed, lines):
    told = report.format_hit(replace(PASSAGE, **changed))
    assert [render_bold_marks(line, "*", "*") for line in told] == lines


PROVED = AnswerSentence("It pumps.", "a", "The  heart pumps")
DROPPED = AnswerSentence("It sings.", "b", "it sings", "its quote is not in the passage")
PREPARED = Question(build_request("q", {}), "q", {"a": PASSAGE}, {})


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ([PROVED], ["It pumps.", "    “The heart pumps”", "    On Hearts, p. 3  zotero://d"]),
        ([DROPPED, PROVED], ["It pumps.", "    “The heart pumps”", "    On Hearts, p. 3  zotero://d",
                             "1 sentence dropped: no quote in what you read proves it"]),
        ([DROPPED, DROPPED], ["nothing you have read answers this", "2 sentences dropped: no quote in what you read proves it"]),
        ([], ["nothing you have read answers this"]),
    ],
)  # fmt: skip
def test_an_answer_has_only_what_a_quote_proves(answer, lines):
    assert [*report.format_answer(PREPARED, answer)] == lines
