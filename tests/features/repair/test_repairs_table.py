"""What is read of the reply of a model or a chat about a card, as a table."""

import pytest

from ankiforge.draft.privacy import mark_as_sendable
from ankiforge.features.repair.repairs import CardToRepair, build_request, parse_repairs

CARD = CardToRepair({"Front": "Which three?", "Back": "a, b, c"})
CLOZE = CardToRepair({"Text": "{{c1::a}} and {{c2::b}}"})
ROWS = [
    (
        '{"repairs": [{"why": "w", "front": "Q?", "back": "A", "new": [], "quote": "it"}]}',
        CARD,
        [{"Front": "Q?", "Back": "A"}],
    ),
    ('{"front": "Q?", "back": "A"}', CARD, [{"Front": "Q?", "Back": "A"}]),
    (
        '{"repairs": [{"note": {"front": "Q?", "back": "A"}}]}',
        CARD,
        [{"Front": "Q?", "Back": "A"}],
    ),
    # the best two
    (
        '{"repairs": [{"front": "1?", "back": "A"}, {"front": "2?", "back": "A"},'
        ' {"front": "3?", "back": "A"}]}',
        CARD,
        [{"Front": "1?", "Back": "A"}, {"Front": "2?", "Back": "A"}],
    ),
    ('{"repairs": [{"front": "Q?", "back": ""}]}', CARD, []),
    ('{"repairs": [{"front": "", "back": "A"}]}', CARD, []),
    ('{"repairs": [{"front": "Which three?", "back": "a, b, c", "new": []}]}', CARD, []),
    ('{"repairs": [], "suspend": true}', CARD, []),
    ("I would suspend it.", CARD, []),
    ('{"repairs": 7}', CARD, []),
    ('{"repairs": [7, null, "x", {"front": [1], "back": {}}]}', CARD, []),
    # what says the same stays, with pictures and all
    (
        '{"repairs": [{"front": "Which bone?", "back": "the femur"}]}',
        CardToRepair({"Front": "Which?", "Back": "the femur ![](x.png)"}),
        [{"Front": "Which bone?", "Back": "the femur ![](x.png)"}],
    ),
    # a cloze keeps its numbers
    (
        '{"repairs": [{"front": "{{c1::a}} and {{c2::b}}, {{c3::c}}", "back": ""}]}',
        CLOZE,
        [{"Text": "{{c1::a}} and {{c2::b}}, {{c3::c}}"}],
    ),
    ('{"repairs": [{"text": "{{c2::b}}, {{c1::a}}"}]}', CLOZE, [{"Text": "{{c2::b}}, {{c1::a}}"}]),
    ('{"repairs": [{"front": "{{c1::a}} and b", "back": ""}]}', CLOZE, []),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "card", "fields"), ROWS)
def test_what_is_read_of_a_reply(reply, card, fields):
    found = parse_repairs(reply, card, "it is said")
    assert [repair.fields for repair in found] == fields


def test_a_request_shows_an_answer_and_not_its_schema():
    request = build_request(CARD, [], "", "", mark_as_sendable)
    prompt = "".join(message["content"] for message in request.messages)
    assert '{"repairs": [{"why": ' in prompt
    assert '"properties"' not in prompt


def test_a_repair_may_add_four_cards_and_only_whole_ones():
    new = '{"front": "N?", "back": "B"}'
    reply = f'{{"front": "Which three?", "back": "a, b, c", "new": [{{"front": "N?"}}, 7, {new}, {new}, {new}]}}'
    [repair] = parse_repairs(reply, CARD, "")
    assert repair.new_cards == ({"Front": "N?", "Back": "B"},) * 2
    assert repair.summary == "in other words"


@pytest.mark.parametrize(
    ("quote", "passage", "kept"),
    [
        ("it is", "it is said", "it is"),
        ("nowhere", "it is said", None),
        ("it is", "", None),
    ],
)
def test_a_quote_is_kept_if_the_passage_has_it(quote, passage, kept):
    reply = f'{{"front": "Q?", "back": "A", "why": "shorter", "quote": "{quote}"}}'
    [repair] = parse_repairs(reply, CARD, passage)
    assert repair.quote == kept
    assert repair.summary == "shorter"
