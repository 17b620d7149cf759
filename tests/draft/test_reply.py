"""Everything a model writes is data: replies that are cut, endless or hostile (others: `cases/`)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.draft.chat import make_label, parse_chat_reply
from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.draft.prompt import load_prompt_file
from ankiforge.draft.reply_cards import parse_all_cards
from ankiforge.draft.reply_json import parse_objects
from ankiforge.model import (
    Document,
    DocumentKey,
    DraftingTask,
    Highlight,
    HighlightKey,
    HighlightKind,
)
from tests.limits import no_hang

PAPER = Document(DocumentKey("pdf:p"), source="papers", title="On Sleep")
PASSAGES = tuple(
    Highlight(
        PAPER,
        "pdf:p",
        HighlightKind.HIGHLIGHT,
        f"Fact {n}.",
        key=HighlightKey(f"pdf:p/{n}"),
    )
    for n in (1, 2)
)
TASK = PrivacyFilter(()).make_sendable_task(DraftingTask(PAPER, PASSAGES))
PROMPT = load_prompt_file("cards")
ONE, TWO = ({"h": make_label(one.key), "front": "Q", "back": "A"} for one in PASSAGES)
BOTH = json.dumps({"cards": [ONE, TWO]})


def drafted(text):
    return [
        one.key
        for result in parse_chat_reply(text, [TASK], PROMPT).results
        for one in result.drafts
    ]


@given(
    at=st.integers(0, len(BOTH)), loose=st.sampled_from([BOTH, BOTH.replace('"', "'")])
)
def test_however_a_reply_is_cut_its_whole_cards_are_kept(at, loose):
    one, two = loose.index("}") + 1, loose.index("}", loose.index("}") + 1) + 1
    keys = [passage.key for passage in PASSAGES]
    assert drafted(loose[:at]) == keys[: (at >= one) + (at >= two)]


@pytest.mark.parametrize("separator", ['", "', '" "'], ids=["valid", "without commas"])
def test_a_card_that_is_cut_off_behind_a_brace_of_its_own_is_none(separator):
    text = {
        "h": TWO["h"],
        "kind": "cloze",
        "text": "It is {{c1::A}}, {b}, but only",
        "front": "",
    }
    whole = json.dumps({"cards": [ONE, text]}).replace('", "', separator)
    assert len(drafted(whole)) == 2
    for at in range(whole.index("c1::"), len(whole) - len('"}]}') + 1):
        assert drafted(whole[:at]) == [PASSAGES[0].key]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (r"\frac{1}{2} [x] {y} " * 5_000 + BOTH, 2),
        ("[" * 10**6, 0),
        ("[" * 900 + "1," * 400_000, 0),
    ],
    ids=["many other braces", "endless nesting", "deep and long"],
)
def test_a_hostile_reply_is_read_or_given_up(text, count):
    with no_hang():
        assert len(drafted(text)) == count


@pytest.mark.parametrize(
    ("letters", "cards"),
    [
        (40, 1),
        (251, 2),
        (5_000, 4),
    ],
)
def test_a_flood_of_cards_yields_one_for_begun_250_letters(
    draft, task, server, fake, letters, cards
):
    items = [fake.card(1, "lens", f"Q{n}? " + "x" * 50) for n in range(1_000)]
    server.queue.append(fake.cards(*items))
    passage = f"The aperture of a lens controls light. {'So it is. ' * 500}"[:letters]
    assert len(draft(task(passage)).drafts) == cards


def test_a_card_of_no_passage_that_comes_in_two_spellings_is_told_once():
    one = {"h": "zz", "front": "Who?", "back": "Nobody here"}
    two = {"h": "zz", "question": "Who?", "answer": "Nobody here"}
    answer = parse_chat_reply(json.dumps([one, two]), [TASK], PROMPT)
    assert len(answer.problems) == 1


@pytest.mark.parametrize(
    ("reply", "card"),
    [
        ("{“front”: “Who?”, “back”: “She.”}", {"front": "Who?", "back": "She."}),
        (
            '{"front": "Who said “no”, and when?", "back": "She."}',
            {"front": "Who said “no”, and when?", "back": "She."},
        ),
    ],
)
def test_typographic_quotes_are_those_of_json_only_where_it_begins_with_them(reply, card):
    assert parse_objects(reply) == [card]


@pytest.mark.parametrize(
    "text",
    [
        "What rusts?\nBack: iron",
        "## **What rusts?**\nBack: iron",
        'Front,Back\n"What rusts?","iron"\n',
        "| Front | Back |\n|---|---|\n| What rusts? | iron |",
    ],
)
def test_an_answer_without_json_has_no_card(text):
    assert parse_all_cards(text) == ([], [])
