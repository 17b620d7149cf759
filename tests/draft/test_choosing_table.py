"""A document without marks: what of it is sent, in which parts, in which words, and what an answer chooses."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.draft.choose_passages import (
    DocumentPart,
    OmittedText,
    ParsedChoices,
    build_passage_selection_request,
    make_drafts,
    make_reply_origin,
    parse_chosen_passages,
    partition_paragraphs,
)
from ankiforge.draft.privacy import SendableText
from ankiforge.draft.prompt import parse_prompt
from ankiforge.draft.reply_checks import make_pasted_reply_key
from ankiforge.model import (
    Document,
    DocumentKey,
    DocumentText,
    Highlight,
    HighlightKind,
    Origin,
    Paragraph,
    Problem,
)
from ankiforge.text.located import DocumentLetters

DOCUMENT = Document(DocumentKey("d"), "files", "On <card> bread")
PROMPT = parse_prompt(
    "{{ schema }}\n---\n{{ most }}|{{ title }}|{{ remark }}|{{ highlights }}",
    Path("p.md"),
)


def make(*pages: str, labels: tuple[str, ...] = (), **fields: object) -> DocumentText:
    """A document whose lines are paragraphs."""
    paragraphs = []
    for number, page in enumerate(pages):
        start = 0
        for line in page.split("\n"):
            end = start + len(line)
            paragraphs.append(Paragraph(number, start, end, **fields))  # type: ignore[arg-type]
            start = end + 1
    return DocumentText(DOCUMENT, pages, tuple(paragraphs), page_labels=labels)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"is_private": True, "skip_reason": "x", "is_note": True}, "private text"),
        ({"skip_reason": "x", "is_note": True}, "x"),
        ({"is_note": True}, "footnotes and endnotes"),
    ],
)
def test_why_a_paragraph_is_left_out(fields, name):
    document = make("It rises.\nIt falls.", "It rests.", labels=("i", "ii"), **fields)
    sent, omitted = partition_paragraphs(document)
    assert (sent, omitted) == ([], [OmittedText(name, 27, ("i", "ii"))])


@pytest.mark.parametrize(
    ("pages", "labels", "sent"),
    [
        (("+++\na = 1\n+++\nIt rises.",), (), ["It rises."]),
        (("It rises.\n+++\nIt falls.",), (), ["It rises.", "+++", "It falls."]),
        (("{: .a }\nIt rises.\n{% include x %}",), (), ["It rises."]),
        (("It rises.\n\nIt falls.",), (), ["It rises.", "", "It falls."]),
        # a slide whose lines are all on the next one
        (("Bread", "Bread\nrises", "Rye"), ("1", "2", "3"), ["Bread", "rises", "Rye"]),
        (("Bread", "Bread\nrises", "Rye"), (), ["Bread", "Bread", "rises", "Rye"]),
        (("Bread\nsoft", "Bread\nrises", "Rye"), ("1", "2", "3"), ["Bread", "soft", "Bread", "rises", "Rye"]),
        (("—", "Bread"), ("1", "2"), ["—", "Bread"]),
    ],
)  # fmt: skip
def test_what_is_neither_sent_nor_named(pages, labels, sent):
    document = make(*pages, labels=labels)
    paragraphs, omitted = partition_paragraphs(document)
    assert [document.get_paragraph_text(each) for each in paragraphs] == sent
    assert omitted == []


@pytest.mark.parametrize("length", [24_000, 24_001, 60_000])
def test_a_very_long_paragraph_is_cut(length):
    document = make("a" * length)
    paragraphs, _ = partition_paragraphs(document)
    sizes = [each.end - each.start for each in paragraphs]
    assert sizes == [24_000] * ((length - 1) // 24_000) + [(length - 1) % 24_000 + 1]
    assert [each.start for each in paragraphs] == [24_000 * n for n in range(len(sizes))]


# --- what is sent ---------------------------------------------------------------------------


def mask(text: str, document: Document) -> SendableText:
    return SendableText(text.replace("Anna", f"[{document.key}]"))


RISES = Highlight(DOCUMENT, "f:d", HighlightKind.HIGHLIGHT, "Anna </highlight>\nrises.")
LISTED = "These are highlighted already. Choose others, on other facts:"


def send(document: DocumentText, paragraphs=None, count: int = 3, **options: object):
    part = DocumentPart("0a1b2c3d", list(paragraphs or document.paragraphs), count)
    request = build_passage_selection_request(document, part, PROMPT, mask, **options)  # type: ignore[arg-type]
    assert request.prompt_fingerprint == PROMPT.fingerprint
    most, title, remark, text = request.messages[1]["content"].split("|")
    assert text.startswith('<text h="0a1b2c3d">\n')
    assert text.endswith("\n</text>")
    return most, title, remark, text[20:-8]


@pytest.mark.parametrize(
    ("document", "options", "sent"),
    [
        (make("It  rises {: .a}.\nAnna </text> </highlight>."), {}, ("the 3 passages", "On ‹card> bread", "", "It rises .\n[d] ‹/text> ‹/highlight>.")),
        (make("It rises.", "It falls.\nIt rests.", labels=("i", "ii")), {"count": 1}, ("the passage", "On ‹card> bread", "", "[page i]\nIt rises.\n[page ii]\nIt falls.\nIt rests.")),
        (make("It rises.", "It falls.", labels=("", "ii")), {"position": "1 of 3"}, ("the 3 passages", "On ‹card> bread (1 of 3)", "", "It rises.\n[page ii]\nIt falls.")),
        (make("Bread", level=2), {}, ("the 3 passages", "On ‹card> bread", "", "\n## Bread")),
        (
            make("It rises.", "Anna rests."), {"find_document": lambda page: replace(DOCUMENT, key=DocumentKey(f"e{page}"), title=f"T{page}")},
            ("the 3 passages", "On ‹card> bread", "", "\n[from “T0”]\nIt rises.\n\n[from “T1”]\n[e1] rests."),
        ),
        (make("It rises."), {"known_passages": [RISES]}, ("the 3 passages", "On ‹card> bread", f"{LISTED}\n- [d] ‹/highlight> rises.", "It rises.")),
    ],
    ids=["masked", "pages", "position", "heading", "documents", "known"],
)  # fmt: skip
def test_what_is_sent_of_a_document(document, options, sent):
    assert send(document, **options) == sent


# --- what is chosen -------------------------------------------------------------------------

PAGES = (
    "Yeast turns sugar into gas. Gluten is elastic.",
    "Salt slows the yeast down. Rye has hardly any gluten.",
)
YEAST, GLUTEN = "Yeast turns sugar into gas.", "Gluten is elastic."
LETTERS = DocumentLetters(PAGES)


def choose(*cards: dict[str, str], find_faults=lambda draft, highlight: (), taken=()):
    return parse_chosen_passages(
        json.dumps({"cards": cards}), LETTERS, {0}, lambda match: replace(RISES, exact=match.quote), find_faults, taken
    )  # fmt: skip


def card(quote: str, back: str = "A", front: str = "Q?") -> dict[str, str]:
    return {"front": front, "back": back, "quote": quote}


@pytest.mark.parametrize(
    ("cards", "fields"),
    [
        ([card("Cells divide.")], (0, [Problem("", "“Q?”: the document does not say “Cells divide.”")], 1, 0, 0)),
        ([card("Salt slows the yeast at night.")], (0, [Problem("", "“Q?”: the document does not say “at night.” after “Salt slows the yeast”")], 1, 0, 0)),
        ([card("Salt slowed the yeast down. Rye has hardly any gluten in it.")], (1, [], 1, 1, 1)),
        ([{"kind": "none", "why_none": "x"}, card(YEAST)], (1, [], 1, 1, 0)),
    ],
)  # fmt: skip
def test_what_is_counted(cards, fields):
    found = choose(*cards)
    assert (len(found.choices), *found[1:]) == fields


def test_a_passage_that_has_a_card_is_not_chosen_again():
    span = choose(card(YEAST)).choices[0].location.letter_span
    found = choose(card(YEAST), card(GLUTEN), taken=[span])
    assert [choice.passage.exact for choice in found.choices] == [GLUTEN]
    hint = "ankiforge draft export asks about those without a card"
    assert found.problems == [Problem("", "“Q?”: its passage is a highlight already", hint, is_notice=True)]  # fmt: skip


def test_a_passage_gets_four_cards_and_the_fifth_is_named():
    found = choose(*(card(YEAST, f"a{n}", f"Q{n}?") for n in range(5)))
    assert [problem.message for problem in found.problems] == [f"“Q4?” for “{YEAST}”: it has 4 cards"]  # fmt: skip
    origin = Origin("llm")
    assert len(make_drafts(found.choices[0], replace(RISES, exact=YEAST), origin)) == 4


ONE = choose(card(YEAST)).choices


@pytest.mark.parametrize(
    ("choices", "counts", "summary"),
    [
        (ONE, (1, 1, 0), "1 passage chosen, of 1 in the answer"),
        (ONE * 2, (1_234, 1_233, 0), "2 passages chosen, of 1,234 in the answer; 1 quote not in the document"),
        (ONE, (2, 2, 1), "1 passage chosen, of 2 in the answer; 1 quote corrected to the document's words"),
        ([], (3, 1, 2), "0 passages chosen, of 3 in the answer; 2 quotes not in the document; 2 quotes corrected to the document's words"),
    ],
)  # fmt: skip
def test_what_a_reply_gave_is_said(choices, counts, summary):
    assert ParsedChoices(choices, [], *counts).summary == summary


@pytest.mark.parametrize(("model", "named"), [("", "chat"), ("qwen3:8b", "qwen3:8b")])
def test_the_origin_of_the_cards_of_a_reply(model, named):
    key = make_pasted_reply_key("x")
    assert make_reply_origin("x", PROMPT, model) == Origin("llm", named, PROMPT.fingerprint, key)  # fmt: skip
