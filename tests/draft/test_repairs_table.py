"""What a program offers for a card, as a table: the card, its faults, the moves, the new words."""

import pytest

from ankiforge.draft.repairs import CardToRepair, offers, read_repairs

MORE = "More of it follows here and there. " * 8
FIRST = "Dropout masks random units while training."
LONG = f"{FIRST} {MORE}"


def basic(front: str, back: str, *faults: str, **more: object) -> CardToRepair:
    return CardToRepair({"Front": front, "Back": back}, frozenset(faults), **more)  # type: ignore[arg-type]


def fails(front: str, back: str, *faults: str) -> CardToRepair:
    return basic(front, back, *faults, fails=True)


def gaps(text: str, *faults: str) -> CardToRepair:
    return CardToRepair({"Text": text}, frozenset(faults))


NEAR = {"Front": "When are neap tides?", "Back": "at the quarters"}
ROWS = [
    # one thing of a set, the others shown
    (fails("Which three?", "- a\n- b\n- c", "set"), ["split"], {"Back": "a"}),
    (fails("Which are they?", "iron, zinc and gold", "set"), ["split"], {"Back": "iron"}),
    (basic("Which are they?", "iron, zinc and gold", "set"), [], None),
    (basic("Which three?", "- a\n- b\n- c is the third", "set"), ["split"], {"Back": "a"}),
    (basic("Which are they?", "a, b, c, d, e", "set"), ["split"], {"Back": "a"}),
    (fails("Name three.", "iron, zinc and gold"), [], None),
    # those that are shown do not tell the one that is missing
    (fails("Name three.", "iron, zinc and gold", "set"), [], None),
    (fails("Name common metals.", "- iron\n- zinc\n- gold", "set"), [], None),
    # what stands above and behind a list, and within a thing
    (fails("Which three?", "These are the three:\n\n- a\n- b\n- c", "set"), ["split"],
     {"Front": "Which three?\n\nThese are the three:\n\n[…]\nb\nc"}),
    (fails("Which are they?", "- a\n- b\n- c\n\nBut not d.", "set"), ["split"],
     {"Back": "a", "Extra": "But not d."}),
    (fails("Which are they?", "- a\n- b\n- c\n\n![](x.png)", "set"), [], None),
    (fails("Which three?", "- a (first)\n- **b:** two\n- c e. g. d", "set"), ["split"],
     {"Front": "Which three?\n\n[…]\nb\nc"}),
    (fails("Name them.", "intro:\n- a\n- b\n- c", "set"), [], None),
    (fails("Which three?", "- a\n- a\n- b", "set"), [], None),
    (fails("Which three?", "- a\n- ![](x.png)\n- b", "set"), [], None),
    (basic("Which three?", "- a\n- b\n- c", "set", alone=False, fails=True), [], None),
    (fails("Which are they?", "Iron rusts\nin water\nGold does not\nin air", "set"), [], None),
    (fails("Welche 6 Sorten gibt es?", "- a\n- b\n- c", "set"), [], None),
    (fails("What are the four?", "- a\n- b\n- c", "set"), [], None),
    (fails("Which three?", "\\- a\n\n\\- b\n\n\\- c", "set"), ["split"], {"Back": "a"}),
    (fails("Which three?", "iron, zinc, gold. Also, tin", "set"), [], None),
    (fails("Which three?", "- a\n   - b\n- c", "set"), [], None),
    (fails("Which three?", "- of these:\n- b\n- c", "set"), [], None),
    (fails("Which three?", "- a\n- many others\n- c", "set"), [], None),
    (fails("How does it work?", f"- it {MORE}\n- b\n- c", "set"), [], None),
    (fails("How does it work?", "- it masks\n- b\n- c", "set"), ["split"], {"Back": "it masks"}),
    (fails("Which ten?", ", ".join("abcdefghij"), "set"), [], None),
    # the parts of an answer by their labels
    (basic("What are its pros and cons?", "**Pro**\n\n- a\n- b\n\n**Con:** c", "set"), ["split"],
     {"Front": "What are its pros and cons?\n\n**Pro**", "Back": "- a\n- b"}),
    (basic("What is X, and why?", "<b>Definition:</b> A.\n**Purpose**: b", "two_questions"), ["split"],
     {"Front": "What is X, and why?\n\n**Definition**", "Back": "A."}),
    (basic("What is X, and why?", "**Is:** A.\n**Why:** b\n**Example:** c", "two_questions"),
     ["split"], {"Back": "A."}),
    (basic("What are the two?", "**Iron:** a\n**Gold:** b", "answer_gt20w"), [], None),
    (basic("What is X?", f"{FIRST}\n**Iron:** a\n**Gold:** b", "open"), [], None),
    (basic("What is X?", "**Iron:** a\n**Iron:** b", "open"), [], None),
    (basic("What is X?", "**Iron** rusts.\n**Gold** does not.", "open"), [], None),
    (basic("What is X?", "**Pro**\n**Con:** b", "open"), [], None),
    # two questions
    (basic("Who is it? When was it?", "Ada. In 1843.", "two_questions"), ["split"],
     {"Front": "Who is it?", "Back": "Ada."}),
    (basic("What is X and why is it used?", "A mask. It is good. It lasts.", "two_questions"), ["split"],
     {"Front": "What is X?", "Back": "A mask."}),
    (basic("Where is X and why is it used?", "Here. It is good. It lasts.", "two_questions"), [], None),
    (basic("What is X, what has it, and why is it used?", "A. It is good.", "two_questions"), [], None),
    (basic("What is X and what has it?", "Things: a, b, c. It is good.", "two_questions"), [], None),
    (basic("What are virtues? What is it to have them?", "Habits. To have one\nis to obey.",
           "two_questions"), [], None),
    (basic("When is iron soft? When hard?", "Soft if hot, hard if cold. So says Bayes.", "two_questions"),
     [], None),
    (basic("How to bet on two horses without odds? How to bet best?", "Pay y. Pay z.",
           "two_questions"), ["split"], None),
    (basic("Who is X? Who Y?", "**X:** a **Y:** b. Also.", "two_questions"), [], None),
    (basic("What is X and why is it used?", "It (1) is a. (2) It is b.", "two_questions"), [], None),
    (basic("What is X and why is it used?", "X (sg. Y) is a b.", "two_questions"), [], None),
    (basic("What is X and why is it used?", "one part only", "two_questions"), [], None),
    (basic("Who was it? And when?", "Ada. For the same reason.", "two_questions"), [], None),
    (basic("What are lists? When to use each?", "A. Use it.", "two_questions"), [], None),
    (basic("What returns void? And null?", "A name. A path.", "two_questions"), [], None),
    (basic("Is it big? How big? The Moon", "It is. Very.", "two_questions"), [], None),
    # the first sentence
    (basic("What is dropout?", LONG, "answer_gt20w"), ["clause"],
     {"Back": FIRST, "Extra": MORE.strip()}),
    (basic("What is dropout?", f"{FIRST}\n\n- {MORE}", "answer_gt20w"), ["clause"],
     {"Back": FIRST, "Extra": f"- {MORE}".strip()}),
    (basic("What is the loss of a network?", LONG, "answer_gt20w"), [], None),
    (basic("What is dropout?", "dropout sentence " * 30, "answer_gt20w"), [], None),
    (basic("What is dropout?", f"- a\n- {LONG}", "answer_gt20w"), [], None),
    (basic("How does dropout work?", LONG, "answer_gt20w"), [], None),
    (basic("What is dropout?", f"(1) {LONG}", "answer_gt20w"), [], None),
    (basic("What is dropout?", f"This is how {LONG}", "answer_gt20w"), [], None),
    (basic("What are masks and dropout?", LONG, "answer_gt20w"), [], None),
    (basic("What is dropout?", f"Dropout is a dropout. {MORE}", "answer_gt20w"), [], None),
    (basic("What is dropout?", f"Dropout is one of the ways to regularize networks. {MORE}",
           "answer_gt20w"), [], None),
    (basic("partial mask", f"A mask occurs when one unit is left out. {MORE}", "answer_gt20w"),
     [], None),
    (basic("Explain dropout.", f"{FIRST} Then it rests.", "open"), ["clause"], {"Back": FIRST}),
    (basic("What is dropout? Why?", LONG, "answer_gt20w", "two_questions"), [], None),
    # gaps
    (gaps("{{c1::Iron}} rusts, iron does.", "gap_leak"), ["hide"],
     {"Text": "{{c1::Iron}} rusts, {{c1::iron}} does."}),
    (gaps("{{c1::Iron}} rusts; <i title=iron>x</i>", "gap_leak"), [], None),
    # beside others
    (basic("When are spring tides?", "at new moon", near=NEAR), ["contrast"],
     {"Extra": "Not: When are neap tides? → at the quarters"}),
    (basic("When is it calm?", "At the quarters.", near=NEAR), [], None),
]  # fmt: skip


@pytest.mark.parametrize(("card", "names", "fields"), ROWS)
def test_what_is_offered(card, names, fields):
    found = offers(card)
    assert [repair.name for repair in found] == names
    if fields:
        assert fields.items() <= found[0].fields.items()


def test_a_split_asks_for_each_thing_and_loses_none():
    [split] = offers(fails("Which?", "- iron\n- zinc\n- gold", "set"))
    assert split.fields["Front"] == "Which?\n\n[…]\nzinc\ngold"
    assert [sides["Back"] for sides in split.new] == ["zinc", "gold"]
    assert all("[…]" in sides["Front"] for sides in split.new)
    assert all(sides["Back"] not in sides["Front"] for sides in split.new)


def test_a_contrast_names_each_card_on_the_other():
    [contrast] = offers(basic("When are spring tides?", "at new moon", near=NEAR))
    assert contrast.beside == "Not: When are spring tides? → at new moon"


CARD = basic("Which three?", "a, b, c")
CLOZE = gaps("{{c1::a}} and {{c2::b}}")
REPLIES = [
    (
        '{"repairs": [{"why": "w", "front": "Q?", "back": "A", "new": [], "quote": "it"}]}',
        CARD,
        1,
    ),
    ('{"front": "Q?", "back": "A"}', CARD, 1),
    ('{"repairs": [{"note": {"front": "Q?", "back": "A"}}]}', CARD, 1),
    ('{"repairs": [{"front": "Q?", "back": ""}]}', CARD, 0),
    ('{"repairs": [{"front": "Which three?", "back": "a, b, c", "new": []}]}', CARD, 0),
    ('{"repairs": [], "suspend": true}', CARD, 0),
    ("I would suspend it.", CARD, 0),
    (
        '{"repairs": [{"front": "{{c1::a}} and {{c2::b}}, {{c3::c}}", "back": ""}]}',
        CLOZE,
        1,
    ),
    ('{"repairs": [{"front": "{{c1::a}} and b", "back": ""}]}', CLOZE, 0),
    ('{"repairs": 7}', CARD, 0),
    ('{"repairs": [7, null, "x", {"front": [1], "back": {}}]}', CARD, 0),
]


@pytest.mark.parametrize(("reply", "card", "count"), REPLIES)
def test_what_is_read_of_a_reply(reply, card, count):
    assert len(read_repairs(reply, card, "it is said")) == count


def test_a_quote_that_the_passage_lacks_is_dropped():
    reply = '{"front": "Q?", "back": "A", "quote": "nowhere"}'
    [repair] = read_repairs(reply, CARD, "it is said")
    assert repair.quote == ""


@pytest.mark.parametrize(
    ("front", "second"),
    [
        ("What is a mask and why is it used?", "mask: Why is it used?"),
        ("What does a mask do and why is it used?",
         "What does a mask do?\n\nWhy is it used?"),
        ("What is a mask used for and why is it used?",
         "What is a mask used for?\n\nWhy is it used?"),
    ],
)  # fmt: skip
def test_the_second_question_names_its_subject(front, second):
    [split] = offers(basic(front, "It hides. It is good.", "two_questions"))
    assert split.new[0]["Front"] == second
