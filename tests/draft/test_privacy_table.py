"""What of a highlight may leave this computer, field by field, and why a highlight may not."""

import re

import pytest
from msgspec.structs import replace

from ankiforge.draft.privacy import PrivacyFilter, SendableHighlight, mask_spans
from ankiforge.errors import UsageError
from ankiforge.model import (
    LOOKED_UP_WORD,
    Card,
    CardContent,
    Document,
    DocumentKey,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
    PrivateText,
)
from ankiforge.text.private import PRIVATE_DOCUMENT_REASON, PRIVATE_PASSAGE_REASON
from tests.cards import made

DOCUMENT = Document(
    DocumentKey("d"), "papers", "Cells of Anna", creators=("Ada", "Bo", "Cy", "Di"), publication_date="1999"
)  # fmt: skip
CLAUSE = "the mitochondrion makes energy"
MARK = Highlight(
    DOCUMENT, "pdf:d", HighlightKind.HIGHLIGHT, CLAUSE, key=HighlightKey("pdf:d/1")
)
SENT = SendableHighlight(
    key=MARK.key, title="Cells of Anna", creators_and_year="Ada, Bo, Cy, 1999", heading="", parent_items=(), context="",
    exact=CLAUSE, phrases=(), sentence="", comment="", page="", colour="", is_looked_up=False,
)  # fmt: skip
ANNA = PrivateText("Anna", DOCUMENT.key)


def send(private=(), **fields):
    return PrivacyFilter(private).make_sendable_highlight(replace(MARK, **fields))


@pytest.mark.parametrize(
    ("private", "fields", "sent"),
    [
        pytest.param([], {}, {}, id="alone"),
        pytest.param(
            [],
            {
                "heading": "Of cells", "parent_items": ("one", "two"), "gaps": ((4, 17), (24, 30)), "sentence": f"So {CLAUSE}.",
                "comment": "why?", "page_label": "7", "colour": "red", "line_syntax": LOOKED_UP_WORD,
                "surrounding_text": f"Look. So {CLAUSE}. And then.",
            },
            {
                "heading": "Of cells", "parent_items": ("one", "two"), "phrases": ("mitochondrion", "energy"), "sentence": f"So {CLAUSE}.",
                "comment": "why?", "page": "7", "colour": "red", "is_looked_up": True, "context": f"Look. So {CLAUSE}. And then.",
            },
            id="every field",
        ),
        pytest.param([], {"comment": "why?", "comment_is_instruction": False}, {}, id="another's comment"),
        pytest.param([], {"surrounding_text": "elsewhere", "sentence": f"So {CLAUSE}."}, {"sentence": f"So {CLAUSE}.", "context": f"So {CLAUSE}."}, id="the sentence"),
        pytest.param([], {"prefix": "So ", "suffix": ". It"}, {"context": f"So {CLAUSE}. It"}, id="the text around it"),
        pytest.param([], {"surrounding_text": f" {CLAUSE}\n", "prefix": "So "}, {}, id="a paragraph of its own"),
        pytest.param(
            [], {"surrounding_text": f"{CLAUSE}\nas Altmann found out\nIt is old.", "comment": "as Altmann found out"},
            {"comment": "as Altmann found out", "context": f"{CLAUSE}\n[…]\nIt is old."}, id="its comment beside it",
        ),
        pytest.param(
            [ANNA], {"heading": "Anna", "parent_items": ("of Anna",), "comment": "Anna?", "prefix": "Anna: ", "page_label": "Anna"},
            {"title": "Cells of […]", "parent_items": ("of […]",), "comment": "[…]", "context": f"[…]: {CLAUSE}", "page": "[…]"},
            id="a private word; a heading that is nothing else is left out",
        ),
    ],
)  # fmt: skip
def test_what_is_sent_of_a_highlight(private, fields, sent):
    assert send(private, **fields) == replace(SENT, **sent)


SECRET = "the quarantine of Ward Nine began"


@pytest.mark.parametrize(
    ("private", "fields", "reason"),
    [
        pytest.param([], {}, None, id="nothing private"),
        pytest.param([ANNA], {}, None, id="elsewhere in the document"),
        pytest.param([PrivateText("", DOCUMENT.key)], {}, PRIVATE_DOCUMENT_REASON, id="the document"),
        pytest.param([PrivateText("", DocumentKey("e"))], {}, None, id="another document"),
        pytest.param([PrivateText(SECRET, DOCUMENT.key)], {"exact": f"So {SECRET}, then"}, PRIVATE_PASSAGE_REASON, id="repeats it"),
        pytest.param([PrivateText(SECRET, DOCUMENT.key)], {"exact": "Ward Nine"}, PRIVATE_PASSAGE_REASON, id="a part of it"),
        pytest.param([PrivateText(SECRET, DOCUMENT.key)], {"exact": "Nine began late"}, PRIVATE_PASSAGE_REASON, id="nine letters of its end"),
        pytest.param([PrivateText(SECRET, DOCUMENT.key)], {"exact": "it is the quar"}, PRIVATE_PASSAGE_REASON, id="seven letters of its beginning"),
        pytest.param([PrivateText(SECRET, DOCUMENT.key)], {"exact": "it is the qu"}, None, id="five letters of its beginning"),
        pytest.param([PrivateText(SECRET, DocumentKey("e"))], {"exact": SECRET}, PRIVATE_PASSAGE_REASON, id="a sentence of another document"),
        pytest.param([PrivateText(SECRET, DocumentKey("e"))], {"exact": "Nine began late"}, None, id="the end of one elsewhere"),
        pytest.param([PrivateText(SECRET, DocumentKey("e"), is_name=True)], {"exact": SECRET}, None, id="a name elsewhere"),
        pytest.param([PrivateText("as “Mice eat the cheese” says", DocumentKey("e"))], {"exact": "So mice eat the cheese."}, PRIVATE_PASSAGE_REASON, id="what it quotes"),
    ],
)  # fmt: skip
def test_why_a_highlight_stays_here(private, fields, reason):
    highlight = replace(MARK, **fields)
    privacy = PrivacyFilter(private)
    assert privacy.find_private_reason(highlight) == reason
    task = privacy.make_sendable_task(DraftingTask(DOCUMENT, (highlight,)))
    assert [(each.reason, each.should_retry) for each in task.withheld.values()] == (
        [(reason, True)] if reason else []
    )
    assert [*task.passages] == ([] if reason else [MARK.key])
    if reason:
        with pytest.raises(UsageError, match=re.escape(reason)):
            privacy.make_sendable_highlight(highlight)


def test_a_passage_that_is_private_somewhere_stays_here():
    tagged = replace(MARK, comment="#no-llm")
    for private, is_private in (([ANNA], True), ([], False)):
        # without any private text no place is looked up
        privacy = PrivacyFilter(private, lambda key: [MARK, tagged])
        assert bool(privacy.find_private_reason(MARK)) is is_private
        assert privacy.find_private_reason(replace(MARK, key=HighlightKey(""))) is None


def test_what_the_rules_alone_draft_is_withheld_for_good():
    card = replace(MARK, kind=HighlightKind.CARD, markdown=("a", "b"))
    task = PrivacyFilter([ANNA]).make_sendable_task(
        DraftingTask(DOCUMENT, (card, replace(MARK, key=HighlightKey("2"))))
    )
    [withheld] = task.withheld.values()
    assert withheld.reason == "a hand-written card is not drafted again"
    assert not withheld.should_retry
    assert [each.key for each in task.highlights] == ["2"]
    assert task.title == "Cells of […] (Ada, Bo, Cy, 1999)"
    assert task.select_highlights(card).withheld == task.withheld
    assert task.select_highlights(card).passages == {}
    assert task.select_highlights(*task.highlights).withheld == {}
    assert task.select_highlights(*task.highlights).passages == task.passages


CARD = made(
    Card, guid="af1", key=MARK.key, fields=(("Front", "What?"), ("Back", "energy")), tags=(), added_tags=(), quote=CLAUSE
)  # fmt: skip
CONTENT = made(CardContent, key=MARK.key, fields=CARD.fields, tags=(), quote=CLAUSE)


@pytest.mark.parametrize(
    ("card", "is_private"),
    [
        (CARD, False),
        (CONTENT, False),
        (replace(CONTENT, tags=("no-llm",)), True),
        (replace(CARD, tags=("no-llm",)), True),
        (replace(CARD, added_tags=("#no-llm/diary",)), True),
        (replace(CARD, fields=(("Front", "What?"), ("Back", "energy\n#no-llm"))), True),
        (replace(CARD, fields=(("Front", "What?"), ("Back", "for Anna"))), True),
        (replace(CARD, quote="as Anna said"), True),
    ],
)  # fmt: skip
def test_a_card_stays_here_if_it_has_the_tag_or_private_words(card, is_private):
    privacy = PrivacyFilter([ANNA])
    assert privacy.is_private_card(card, DOCUMENT.key) is is_private
    if isinstance(card, Card):  # nor is its passage sent again, to reword it
        task = DraftingTask(DOCUMENT, (MARK,), outdated_cards=(card,))
        sent = privacy.make_sendable_task(task)
        reasons = [(each.reason, each.should_retry) for each in sent.withheld.values()]
        assert reasons == ([(PRIVATE_PASSAGE_REASON, True)] if is_private else [])
        another = replace(task, outdated_cards=(replace(card, key=HighlightKey("2")),))
        assert not privacy.make_sendable_task(another).withheld


def test_every_value_of_an_entry_is_masked_but_the_names():
    entry = {
        "id": "Anna", "title": "of Anna", "findings": [{"check": "Anna", "message": "Anna"}, "Anna", 3], "card": {"Front": "Anna"},
        "hits": ["Anna"], "at": "Anna", "n": 1, "why": ("Anna", "Bo"),
    }  # fmt: skip
    masked = {
        **entry, "title": "of […]", "why": ["[…]", "Bo"], "findings": [{"check": "Anna", "message": "[…]"}, "[…]", 3]
    }  # fmt: skip
    privacy = PrivacyFilter([ANNA])
    assert privacy.mask_json_entry(entry, MARK) == masked
    assert privacy.mask_json_entry(entry) == {**entry, "why": ["Anna", "Bo"]}


@pytest.mark.parametrize(
    ("text", "spans", "masked"),
    [
        ("one two three", [], "one two three"),
        ("one two three", [(4, 7)], "one […] three"),
        ("one two three", [(5, 6)], "one […] three"),
        ("one two three", [(8, 13), (0, 3)], "[…] two […]"),
        ("one two three", [(0, 3), (4, 7)], "[…] three"),
        ("one two three", [(0, 7), (2, 5), (4, 6)], "[…] three"),
        ("one, two three", [(0, 3), (5, 8)], "[…] three"),
        ("one a two three", [(0, 3), (6, 9)], "[…] a […] three"),
        ("\u0301a o\u0308ne", [(3, 4)], "\u0301a […]"),
        ("昨天病了", [(2, 3)], "昨天[…]了"),
    ],
)
def test_whole_words_are_masked_once(text, spans, masked):
    assert mask_spans(text, spans) == masked
