"""Everything a model writes is data."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.draft.reply import cloze_text, completion, markdown, objects
from ankiforge.model import Brief, CardKind

ONE = {"h": "1", "front": "Q", "back": "A"}
TWO = {"h": "2", "front": "R", "back": "B"}
BOTH = json.dumps({"cards": [ONE, TWO]})


@pytest.mark.parametrize(
    "text",
    [
        BOTH,
        f"```json\n{BOTH}\n```",
        f'<think>perhaps {{"h": "1"}}</think>{BOTH}',
        f"Sure! Here they are:\n{BOTH}\nHope it helps {{}}.",
        "\ufeff" + BOTH,
        json.dumps([ONE, TWO]),
        f"1. {json.dumps(ONE)}\n2. {json.dumps(TWO)}",
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        json.dumps({"result": {"cards": [ONE, TWO]}}),
        json.dumps({"cards": {"a": ONE, "b": TWO}}),
        BOTH + ', {"h": "3", "fro',
        BOTH[:-2] + ', {"h": "3", "fro',
    ],
)
def test_cards_are_found_wherever_they_stand(text):
    assert objects(text) == [ONE, TWO]


@pytest.mark.parametrize(
    "text",
    [
        '{"cards": [{"h": "1", "front": "Q", "back": "A, {b,c}",},]}',
        "{“cards”: [{“h”: “1”, “front”: “Q”, “back”: “A, {b,c}”}]}",
    ],
    ids=["a comma too many", "quotation marks made curly"],
)
def test_what_a_chat_or_an_editor_did_to_the_json_is_mended(text):
    assert objects(text) == [{"h": "1", "front": "Q", "back": "A, {b,c}"}]


PYTHON = "{'cards': [{'h': '1', 'front': 'What\\'s \"Q\", it says?', 'back': 'A', 'text': None}]}"
QUOTED = '{"cards": [{"h": "1", "front": "What is "Q"?", "back": "A, "so" called"}]}'


@pytest.mark.parametrize(
    ("text", "front", "back"),
    [
        (PYTHON, 'What\'s "Q", it says?', "A"),
        ("{'h': 1, 'front': 'Q', 'back': 'A'}", "Q", "A"),
        ("Here it is: {“h”: “1”, “front”: “Q”, “back”: “A”}.", "Q", "A"),
        (QUOTED, 'What is "Q"?', 'A, "so" called'),
        (r'{"h": "1", "front": "What\'s Q?", "back": "A"}', "What's Q?", "A"),
        (json.dumps(BOTH), "Q", "A"),
        (json.dumps({"cards": json.dumps([ONE, TWO])}), "Q", "A"),
        ('{"Flashcards": [{"H": 1, "Question": "Q", "ANSWER": "A"}]}', "Q", "A"),
        ('{"1": {"front": "Q", "back": "A"}}', "Q", "A"),
        ('{"1": [{"front": "Q", "back": "A"}]}', "Q", "A"),
        ('{"h":"1","front":"Q","back":"A"}\n{"h":"2","front":"R","back":"B"}', "Q", "A"),
    ],
)
def test_json_that_is_nearly_json_is_read(text, front, back):
    found = objects(text)[0]
    assert (str(found["h"]), found["front"], found["back"]) == ("1", front, back)


DRAFT = '{"cards": [{"h": "1", "front": "thought", "back": "aloud"}]}'


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{DRAFT}</think>{BOTH}",
        f"{DRAFT} hm, better:</think>\n{BOTH}",
        f"<thinking>{DRAFT}</thinking>```json\n{BOTH}\n```",
        f"[THINK]{DRAFT}[/THINK]{BOTH}",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{BOTH}",
        f"<|begin_of_thought|>{DRAFT}<|end_of_thought|>{BOTH}",
        f"<think>{DRAFT}</think><think>{DRAFT}</think>{BOTH}",
    ],
)
def test_what_a_model_thought_aloud_is_no_card(text):
    assert objects(text) == [ONE, TWO]


@pytest.mark.parametrize(
    "text", [f"<think>{DRAFT}", f"[THINK] {DRAFT}", f"<|channel|>analysis<|message|>{DRAFT}"]
)
def test_a_thought_that_never_ends_is_no_answer(text):
    assert objects(text) == []


def test_a_sign_of_thinking_within_a_card_is_a_word():
    card = {"h": "1", "front": "What does </think> end?", "back": "a <think> block"}
    assert objects(json.dumps({"cards": [card, TWO]})) == [card, TWO]


@given(at=st.integers(0, len(BOTH)), loose=st.sampled_from([BOTH, BOTH.replace('"', "'")]))
def test_however_a_reply_is_cut_its_whole_cards_are_kept(at, loose):
    cut, one, two = loose[:at], loose.index("}") + 1, loose.index("}", loose.index("}") + 1) + 1
    assert objects(cut) == [ONE, TWO][: (at >= one) + (at >= two)]


def test_cards_grouped_under_a_highlight_inherit_its_label():
    grouped = {"highlights": [{"h": 2, "cards": [{"front": "R", "back": "B"}]}]}
    assert objects(json.dumps(grouped)) == [{"h": 2, "front": "R", "back": "B"}]


@pytest.mark.parametrize(
    "text", ["", "no", "<html>", "{", '{"items": [1]}', "<think>" + BOTH, "[" * 10**6]
)
def test_what_holds_no_card_yields_none(text):
    assert objects(text) == []


def test_an_answer_is_found_behind_many_other_braces():
    noise = r"\frac{1}{2} [x] {y} " * 5_000
    assert objects(noise + BOTH) == [ONE, TWO]


def test_hostile_nesting_is_given_up_soon():
    import time

    before = time.monotonic()
    assert objects("[" * 900 + "1," * 400_000) == []
    assert time.monotonic() - before < 5


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        (r"\theta \nabla \beta \rho \text{x}", r"\theta \nabla \beta \rho \text{x}"),
        (r"\alpha \(x\)", r"\alpha \(x\)"),
        (r"\\frac \\nabla", r"\frac \nabla"),
        (r"a\nb \u00e9 \"q\"", 'a\nb é "q"'),
        (r"new\nline, \tab", "new\nline, \tab"),
        (
            r"\fint \binom{n}{k} \rVert \neg \tan \tbinom{n}{k}",
            r"\fint \binom{n}{k} \rVert \neg \tan \tbinom{n}{k}",
        ),
        (r"\text{rate} = \sum_{i=1}^{n} \upsilon_i", r"\text{rate} = \sum_{i=1}^{n} \upsilon_i"),
    ],
)
def test_latex_survives_json(written, meant):
    (found,) = objects(f'{{"front": "{written}"}}')
    assert found["front"] == meant


def test_a_line_break_within_a_string_is_taken():
    assert objects('{"front": "a\nb"}') == [{"front": "a\nb"}]


# --- the words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("a <b>bold</b> and <em>fine</em> word", "a **bold** and *fine* word"),
        ("H<sub>2</sub>O, x<sup>2</sup>", "H$_{2}$O, x$^{2}$"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        (r"\(x^2\) and \[y\]", "$x^2$ and $$y$$"),
        ("see [here](http://evil.example/x)", "see here"),
        ("see ![p](http://evil.example/x.png)this", "see this"),
        ("<img src=x onerror=alert(1)>hi", "hi"),
        ("<script>alert(1)</script>hi", "hi"),
        ("`<script>` starts a script", "`<script>` starts a script"),
        ("&lt;script&gt;", r"\<script>"),
        ("x < 0 and y > 1", "x < 0 and y > 1"),
        ("A[i][j]", "A[i][j]"),
        ("{{c1::no cloze here}}", r"{\{c1::no cloze here}\}"),
        ("a\x00b\x07c\ud800d", "abc?d"),
        ("$a < b$ stays", "$a < b$ stays"),
    ],
)
def test_a_models_words_become_our_markdown(written, ours):
    assert markdown(written) == ours


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("Lima is in {{c1::Peru}}.", "Lima is in {{c1::Peru}}."),
        ("{{Lima}} is in {{Peru}}.", "{{c1::Lima}} is in {{c2::Peru}}."),
        (r"It is {{c1::\(\frac{a}{b}\)}}.", r"It is {{c1::$\frac{a}{b}$}}."),
        ("no gap", "no gap"),
        ("Lima is in {{c1:Peru}}.", "Lima is in {{c1::Peru}}."),
        ("Lima is in {{C1::Peru}}.", "Lima is in {{c1::Peru}}."),
        ("Lima is in [Peru].", "Lima is in {{c1::Peru}}."),
        ("Lima is in {{c1::Peru::a country}}.", "Lima is in {{c1::Peru::a country}}."),
        (r"A set $\{\{x\}, y\}$ of {{sets}}.", r"A set $\{\{x\}, y\}$ of {{c1::sets}}."),
    ],
)
def test_a_cloze_is_brought_into_our_grammar(written, ours):
    assert cloze_text(written) == ours


@pytest.mark.parametrize(
    "written", ["Lima is in ____.", "Lima is in […].", "Lima is in [...].", "Lima is in Peru."]
)
def test_a_blank_whose_answer_is_given_apart_is_a_gap(written):
    assert cloze_text(written, "Peru") == "Lima is in {{c1::Peru}}."


def test_a_formula_that_was_escaped_twice_is_one():
    assert markdown(r"It is $\\frac{a}{b}$.") == r"It is $\frac{a}{b}$."
    assert (
        markdown(r"$$\begin{matrix} a \\ b \end{matrix}$$")
        == r"$$\begin{matrix} a \\ b \end{matrix}$$"
    )


# --- cards from replies ---------------------------------------------------------------------

FACT = "The “aperture” of a lens controls light."


@pytest.fixture
def reply(draft, task, server, fake):
    """Draft FACT, the model answering with these items."""

    def run(*items, **fields):
        server.queue.append(fake.cards(*items))
        server.otherwise = lambda _: fake.says("nothing more")
        return draft(task(FACT), **fields)

    return run


def test_the_quote_is_kept_as_the_source_writes_it(reply, fake):
    (made,) = reply(fake.card(1, '"APERTURE"  of a lens')).drafts
    assert made.quote == "“aperture” of a lens"
    assert made.start == 4


def test_a_quote_in_quotation_marks_is_found(reply, fake):
    (made,) = reply(fake.card(1, "“of a lens”")).drafts
    assert made.quote == "of a lens"


def test_an_invented_quote_is_shown_not_hidden(reply, fake):
    (made,) = reply(fake.card(1, "the moon is cheese")).drafts
    assert made.quote == "the moon is cheese"


def test_a_cloze_hides_its_answer(reply):
    item = {
        "h": 1,
        "kind": "cloze",
        "quote": "lens",
        "text": "A {{c1::lens}} and **{{c2::light}}**",
    }
    (made,) = reply(item).drafts
    assert made.kind is CardKind.CLOZE
    assert made.fields == (("Text", "A {{c1::lens}} and **{{c2::light}}**"),)
    assert made.answer == "lens · light"


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("two-way", CardKind.TWO_WAY),
        ("Two_Way", CardKind.TWO_WAY),
        ("QA", CardKind.BASIC),
        ("", CardKind.BASIC),
        ("cloze", CardKind.BASIC),
        ("haiku", CardKind.BASIC),
    ],
)
def test_the_filled_fields_decide_where_the_kind_does_not_fit(reply, fake, kind, made):
    (one,) = reply({**fake.card(1, "lens"), "kind": kind}).drafts
    assert one.kind is made


@pytest.mark.parametrize("h", [1, "1", 1.0, "h1", "#1", "Highlight 1"])
def test_the_label_may_be_written_in_many_ways(reply, fake, h):
    assert len(reply(fake.card(h, "lens")).drafts) == 1


def test_a_label_nobody_gave_is_dropped_and_its_siblings_stay(reply, fake):
    result = reply(fake.card(7, "lens"), fake.card(1, "lens", "Which lens?"), {"h": 1, "front": 3})
    assert [one.field("Front") for one in result.drafts] == ["Which lens?"]


def test_two_cards_of_one_highlight_are_two_intents_in_the_order_of_the_text(reply, fake):
    items = [
        fake.card(1, "light", "B?"),
        fake.card(1, "aperture", "A?"),
        fake.card(1, "lens", "C?"),
    ]
    result = reply(*items)
    assert [(one.field("Front"), one.intent) for one in result.drafts] == [("A?", 0), ("B?", 1)]


def test_candidates_are_one_choice(reply, fake):
    items = [fake.card(1, "light", f"{n}?") for n in range(5)]
    result = reply(*items, candidates=3)
    assert [one.intent for one in result.drafts] == [0, 0, 0]


def test_cards_of_a_fact_are_one_choice_of_any_kinds(reply, fake):
    cloze = {"h": 1, "fact": "1", "kind": "cloze", "quote": "lens", "text": "A {{c1::lens}} it is."}
    items = [
        fake.card(1, "light", "B?", fact="2"),
        fake.card(1, "lens", "A?", fact=1),
        cloze,
        fake.card(1, "light", "What?", fact=2),
        fake.card(1, "light", "Of a third?", fact=3),
    ]
    result = reply(*items, candidates=3)
    assert [(one.kind, one.field("Front"), one.intent) for one in result.drafts] == [
        (CardKind.BASIC, "A?", 0),
        (CardKind.CLOZE, "", 0),
        (CardKind.BASIC, "B?", 1),
        (CardKind.BASIC, "What?", 1),
    ]


def test_candidates_that_differ_in_nothing_are_one(reply, fake):
    items = [
        fake.card(1, "light", "What does the aperture of a lens control?"),
        fake.card(1, "light", "What does the aperture of a lens control, then?"),
        fake.card(1, "light.", "What  does the Aperture of a lens control?"),
        fake.card(1, "light", "Of a lens, the aperture controls …"),
    ]
    assert len(reply(*items, candidates=3).drafts) == 2


def test_what_differs_in_a_number_is_no_repeat(reply, fake):
    items = [fake.card(1, "light", f"What was lit in the long year {n}?") for n in (1969, 1970)]
    assert len(reply(*items, candidates=3).drafts) == 2


@pytest.mark.parametrize(
    ("item", "made"),
    [
        ({"kind": "two-way", "front": "a lens (optics)", "back": "glass"}, CardKind.BASIC),
        ({"kind": "cloze", "text": "It controls {{c1::light}}."}, CardKind.BASIC),
    ],
)
def test_a_card_of_an_unwanted_kind_becomes_a_question_where_it_can(
    server, fake, draft, task, item, made
):
    server.queue.append(fake.cards({"h": 1, "quote": "lens", **item}))
    (one,) = draft(task(FACT, brief=Brief(kinds=(CardKind.BASIC,)))).drafts
    assert one.kind is made
    assert "Reverse" not in dict(one.fields)


def test_a_card_that_cannot_be_of_a_wanted_kind_is_a_reason(server, fake, draft, task):
    server.queue.append(fake.cards(fake.card(1, "lens")))
    (none,) = draft(task(FACT, brief=Brief(kinds=(CardKind.CLOZE,)))).no_cards
    assert none.reason == "the model drew only basic, wanted is cloze"


def test_level_and_difficulty_are_tags_where_they_are_asked_for(reply, fake):
    card = fake.card(1, "lens", bloom="Analyse", difficulty="impossible")
    assert reply(card).drafts[0].tags == ()
    assert reply(card, tags=("bloom", "difficulty")).drafts[0].tags == ("bloom::analyze",)


def test_a_flood_of_cards_yields_two(reply, fake):
    items = [fake.card(1, "lens", f"Q{n}? " + "x" * 50) for n in range(10_000)]
    assert len(reply(*items).drafts) == 2


def test_the_same_card_twice_is_one(reply, fake):
    assert len(reply(fake.card(1, "lens"), fake.card(1, "lens")).drafts) == 1


def test_a_card_beats_a_none(reply, fake):
    result = reply({"h": 1, "kind": "none", "why_none": "dull"}, fake.card(1, "lens"))
    assert len(result.drafts) == 1
    assert not result.no_cards


def test_an_empty_list_is_a_reason(reply):
    [none] = reply().no_cards
    assert none.reason == "the model answered with an empty list of cards"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"choices": []}',
        '{"choices": [{}]}',
        '{"choices": 3}',
        "<html>",
        "[" * 99999,
    ],
)
def test_what_is_no_completion_is_none(raw):
    assert completion(raw) is None


def test_a_completion_is_read_with_whatever_is_missing():
    found = completion('{"choices": [{"message": {"content": null}}], "usage": null, "id": 7}')
    assert found is not None
    assert (found.content, found.finish, found.tokens_in) == ("", "", 0)


def test_content_in_parts_is_joined():
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    found = completion(json.dumps({"choices": [{"message": {"content": parts}}]}))
    assert found is not None
    assert found.content == "ab"
