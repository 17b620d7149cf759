r"""What is read of a reply: texts, clozes, labels, objects and cards. A backslash in `r"…"` is one in the reply."""

import json

import pytest

from ankiforge.draft.prompt import ReplyShape
from ankiforge.draft.reply import explain_missing_card, make_result
from ankiforge.draft.reply_cards import (
    ClozeCard,
    DeclinedCard,
    TwoSidedCard,
    convert_to_cloze,
    parse_all_cards,
)
from ankiforge.draft.reply_json import (
    iter_innermost_objects,
    parse_objects,
    strip_reasoning,
)
from ankiforge.model import (
    LOOKED_UP_WORD,
    CardKind,
    Document,
    DocumentKey,
    DraftingStatus,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
)

BASIC, CLOZE, TWO_WAY = CardKind.BASIC, CardKind.CLOZE, CardKind.TWO_WAY


@pytest.mark.parametrize(
    ("text", "cloze"),
    [
        ("{{c1::x}} a", "{{c1::x}} a"),
        ("{{c1:x}} a", "{{c1::x}} a"),
        ("{{C2|x}} a", "{{c2::x}} a"),
        ("{{c3 :: x}} a", "{{c3::x}} a"),
        ("{{x}} and {{y}}", "{{c1::x}} and {{c2::y}}"),
        ("{{c1:x}} {{y}}", "{{c1::x}} {{y}}"),
        ("`{{x}}` {{y}}", "`{{x}}` {{c1::y}}"),
        (r"${{c1::\\alpha}}$ x", r"${{c1::\alpha}}$ x"),
        ("{{}} a", "{{}} a"),
        ("no gap", "no gap"),
        ("", ""),
    ],
)
def test_a_cloze_of_a_model_becomes_ours(text, cloze):
    assert convert_to_cloze(text) == cloze


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>a</think>b", "b"),
        ("<think>a", ""),
        ("<think>a</think><THINKING>b</thinking>c", "c"),
        ("[THINK]x[/THINK] y", "y"),
        ('a</think>{"h"', '{"h"'),
        ('a</think>```json\n[{"h"', '```json\n[{"h"'),
        ("a</think> b", "a</think> b"),
        ("<|channel|>analysis x<|channel|>final y", "y"),
        ("b<think>a</think>", "b<think>a</think>"),
    ],
)
def test_the_reasoning_before_an_answer_is_dropped(text, rest):
    assert strip_reasoning(text) == rest


@pytest.mark.parametrize(
    ("text", "objects"),
    [
        ('So: {"a": 1} and {"b": 2}.', [{"a": 1}, {"b": 2}]),
        ('[{"a": {"b": 1}}, {"c": []}]', [{"a": {"b": 1}}, {"c": []}]),
        ("{a: 1}", [{"a": 1}]),
        ("{'a': 'b',}", [{"a": "b"}]),
        ("{“a”: “b”}", [{"a": "b"}]),
        ("{„a“: „b“, „c“: „“}", [{"a": "b", "c": ""}]),
        ("{ ”a”: ”b”,\n ”c”: [”d”]}", [{"a": "b", "c": ["d"]}]),
        ("{«a»: «b»}", [{"a": "b"}]),
        # marks inside a value
        ('{"a": ""x", "y" and "z"", "b": "c"}', [{"a": '"x", "y" and "z"', "b": "c"}]),
        ('{"a": "He said "yes", "no".", "b": 1}', [{"a": 'He said "yes", "no".', "b": 1}]),
        ('[{"a": "so \\"x\\" and "y""}, {"a": "z"}]', [{"a": 'so "x" and "y"'}, {"a": "z"}]),
        ("{“a”: ““x”, “y” and “z””, “b”: “c”}", [{"a": "“x”, “y” and “z”", "b": "c"}]),
        ("{«a»: «« x », « y » et « z »»}", [{"a": "« x », « y » et « z »"}]),
        ("{“a”: “He said “yes”, “no”.”}", [{"a": "He said “yes”, “no”."}]),
        ("{“a”: “{{c1::“x”}} is y”, “b”: 1}", [{"a": "{{c1::“x”}} is y", "b": 1}]),
        ("{“a”: “so: “x””}", [{"a": "so: “x”"}]),
        ("{“a”: “said “no”, and „x“, too”, “b”: “c”}", [{"a": "said “no”, and „x“, too", "b": "c"}]),
        ('{"a": "x\ny"}', [{"a": "x\ny"}]),
        ('"{\\"a\\": 1}"', [{"a": 1}]),
        ('"no object"', []),
        ('\ufeff{"a":1}', [{"a": 1}]),
        ('{x} {c1::x} {"a": 1}', [{"a": 1}]),
        ('{"a": 1', []),
        ('{"a": 1, {"b": 2}', [{"b": 2}]),
        (r'{"a": "\\frac \frac \nu \n \beta \rho \r\n \u0041 \q"}', [{"a": "\\frac \\frac \\nu \n \\beta \\rho \r\n A \\q"}]),
        ('<think>{"a": 1}</think>{"b": 2}', [{"b": 2}]),
        ("{x: " * 200 + '{"a": 1}', []),
        ("{x: " * 199 + '{"a": 1}', [{"a": 1}]),
    ],
)  # fmt: skip
def test_the_objects_of_a_reply(text, objects):
    assert parse_objects(text) == objects


@pytest.mark.parametrize(
    ("value", "objects"),
    [
        ({"h": 1, "cards": [{"a": 1}, {"a": 2, "h": 3}]}, [{"h": 1, "a": 1}, {"h": 3, "a": 2}]),
        ({"h1": {"a": 1}, "h2": [{"a": 2}]}, [{"h": "1", "a": 1}, {"h": "2", "a": 2}]),
        ({" 0a1b2c3d": {"a": 1}}, [{"h": "0a1b2c3d", "a": 1}]),
        ({"h": 4, "front": {"a": 1}}, [{"h": 4, "a": 1}]),
        ({"x": '[{"a": 1}]', "y": 2}, [{"a": 1}]),
        ({"x": "see {this}"}, [{"x": "see {this}"}]),
        ({"a": []}, [{"a": []}]),
        ([[[[[{"a": 1}]]]]], [{"a": 1}]),
        ([[[[[[{"a": 1}]]]]]], []),
        ([], []),
    ],
)  # fmt: skip
def test_the_innermost_objects_have_the_label_of_their_group(value, objects):
    assert [*iter_innermost_objects(value, "h")] == objects


def card(front, back, kind=BASIC, label="1", quote=""):
    return TwoSidedCard(label, quote, front, back, kind)


def cloze(text, quote=""):
    return ClozeCard("1", quote, text)


def declined(reason=None):
    return DeclinedCard("1", reason)


@pytest.mark.parametrize(
    ("entry", "parsed"),
    [
        ({"h": 1, "kind": "cloze", "text": "{{c1::a}} b"}, cloze("{{c1::a}} b")),
        ({"h": 1, "kind": "cloze", "front": "{{a}} b", "quote": "abc d"}, cloze("{{c1::a}} b", quote="abc d")),
        ({"h": 1, "kind": "cloze", "text": "no gap"}, cloze("no gap")),
        ({"h": 1, "kind": "cloze", "text": "Q", "back": "A"}, card("Q", "A")),
        ({"h": 1, "kind": "cloze", "front": "Q", "back": "A"}, card("Q", "A")),
        ({"h": 1, "kind": "basic", "front": "Q", "text": "{{c1::x}} y"}, cloze("{{c1::x}} y")),
        ({"h": 1, "kind": "basic", "front": "Q", "back": "A", "text": "{{c1::x}} y"}, card("Q", "A")),
        ({"h": 1, "kind": "two-way", "text": "Q", "back": "A"}, card("Q", "A", TWO_WAY)),
        ({"h": 1, "kind": "reversed", "front": "Q", "back": "A"}, card("Q", "A", TWO_WAY)),
        ({"h": 1, "kind": "Two-way", "front": "Q", "back": "A"}, card("Q", "A", TWO_WAY)),
        ({"h": 1, "kind": "other", "front": "<b>Q</b>", "back": 4}, card("**Q**", "4")),
        ({"h": 1, "front": "Q", "back": ["b", 1, None, "c"]}, card("Q", "b, 1, c")),
        ({"id": "h2", "Question": "Q", "a": "A", "evidence": "abc d"}, card("Q", "A", label="2", quote="abc d")),
        ({"h": 1, "kind": "none", "why_none": "so", "front": "Q", "back": "A"}, declined("so")),
        ({"h": 1, "why": " so\nit is"}, declined("so it is")),
        ({"h": 1, "kind": "None"}, declined()),
        ({"h": 1, "front": "Q"}, None),
        ({"h": 1, "back": "A"}, None),
        ({"h": 1, "front": True, "back": "A"}, None),
    ],
)  # fmt: skip
def test_a_card_of_a_reply(entry, parsed):
    cards, others = parse_all_cards(json.dumps({"cards": [entry, entry]}))
    assert cards == ([parsed] if parsed else [])
    assert others == ([] if parsed else [json.dumps(entry)])


MARK = Highlight(
    Document(DocumentKey("d"), "papers", "Cells"), "pdf:d", HighlightKind.HIGHLIGHT,
    "Iron rusts. Zinc is dull. Gold shines. Lead is soft.", key=HighlightKey("pdf:d/1"),
)  # fmt: skip
IRON = card("What rusts?", "Iron", quote="Iron rusts")
ZINC = card("zinc", "dull", TWO_WAY, quote="Zinc is dull")
GOLD = cloze("{{c1::Gold}} shines.", quote="Gold shines")
DECLINED = declined("an aside")
MODEL = Origin("llm", "m")


@pytest.mark.parametrize(
    ("cards", "shape", "drafts"),
    [
        # as many as the length allows, the first ones
        ((ZINC, IRON), ReplyShape(), [("two-way", "dull", 12, "Zinc is dull.")]),
        ((IRON, IRON), ReplyShape(), [("basic", "Iron", 0, "Iron rusts.")]),
        ((ZINC, IRON), ReplyShape((BASIC, CLOZE)), [("basic", "Iron", 0, "Iron rusts.")]),
        ((GOLD,), ReplyShape(), [("cloze", "Gold", 26, "Gold shines.")]),
        # candidates stay in the order of the reply
        ((GOLD, IRON, ZINC), ReplyShape(candidate_count=2), [("cloze", "Gold", 26, "Gold shines."), ("basic", "Iron", 0, "Iron rusts.")]),
        ((GOLD, DECLINED, card("what RUSTS", "iron"), IRON), ReplyShape(candidate_count=3), [("cloze", "Gold", 26, "Gold shines."), ("basic", "iron", 0, "Iron rusts.")]),
    ],
)  # fmt: skip
def test_the_drafts_of_a_reply(cards, shape, drafts):
    result = make_result(MARK, cards, MODEL, shape)
    assert [(d.kind, d.answer, d.start, d.quote) for d in result.drafts] == drafts
    assert {(d.key, d.origin) for d in result.drafts} == {(MARK.key, MODEL)}
    assert (result.status, result.reason) == (DraftingStatus.DRAFTED, None)
    assert not result.is_declined


def test_of_a_looked_up_word_the_reply_gives_the_meaning_alone():
    word = Highlight(
        MARK.document, "pdf:d", MARK.kind, "dull", sentence="Zinc is dull.", line_syntax=LOOKED_UP_WORD
    )  # fmt: skip
    cards = (
        cloze("{{c1::x}}"),
        card("other", "not shiny", TWO_WAY),
    )
    [draft] = make_result(word, cards, MODEL, ReplyShape()).drafts
    assert draft.kind is BASIC
    assert dict(draft.fields) == {
        "Front": "dull\n\nZinc is **dull**.",
        "Back": "not shiny",
    }
    assert (draft.quote, draft.start) == ("dull", 0)


@pytest.mark.parametrize(
    ("cards", "reason", "is_declined"),
    [
        ((), "the model saw nothing worth a card", False),
        ((DECLINED,), "an aside", True),
        ((declined(), DECLINED), "the model saw nothing worth a card", True),
        ((DECLINED, GOLD), "an aside", False),
        ((GOLD, GOLD), "the model drafted only cloze, not basic, two-way", False),
    ],
)
def test_why_a_reply_has_no_card(cards, reason, is_declined):
    shape = ReplyShape((BASIC, TWO_WAY))
    result = make_result(MARK, cards, MODEL, shape)
    assert (result.drafts, result.status) == ((), DraftingStatus.NO_CARD)
    assert (result.reason, result.is_declined) == (reason, is_declined)
    assert explain_missing_card(cards, shape) == reason


@pytest.mark.parametrize(
    ("namespace", "card", "fields"),
    [
        (
            "pdf:p",
            TwoSidedCard("1", "", "What of [1]?", "water [12]."),
            ("What of [1]?", "water."),
        ),
        ("pdf:p", TwoSidedCard("1", "", "What?", "[12]"), None),
        (
            "pdf:p",
            ClozeCard("1", "", "It is {{c1::polymer⁷}}."),
            ("It is {{c1::polymer}}.",),
        ),
        (
            "vault:p",
            TwoSidedCard("1", "", "What?", "the interval [1, 2]."),
            ("What?", "the interval [1, 2]."),
        ),
    ],
)
def test_the_numbers_of_references_are_on_no_card_of_a_paper(namespace, card, fields):
    document = Document(DocumentKey(namespace), source="s", title="T")
    highlight = Highlight(
        key=HighlightKey(f"{namespace}/1"),
        document=document,
        namespace=namespace,
        kind=HighlightKind.HIGHLIGHT,
        exact="It is water [12], and the interval [1, 2].",
    )
    shape = ReplyShape((BASIC, CLOZE, TWO_WAY))
    result = make_result(highlight, [card], Origin("llm"), shape)
    found = [tuple(value for _, value in draft.fields) for draft in result.drafts]
    assert found == ([] if fields is None else [fields])


@pytest.mark.parametrize(
    "parts", ['"question": "A?", "front": "B?"', '"front": "B?", "question": "A?"']
)
def test_our_own_name_of_a_part_comes_before_an_alias(parts):
    [card], _ = parse_all_cards(f'{{"cards": [{{{parts}, "back": "b"}}]}}')
    assert card.title == "B?"
