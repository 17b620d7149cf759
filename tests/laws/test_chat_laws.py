"""However a chat spoils an answer, each sound card comes in, on the passage of its quote."""

import html
import json
import re
from random import Random

import pytest

from ankiforge.draft.chat import make_label, parse_chat_reply
from ankiforge.draft.prompt import load_prompt_file
from tests.draft.chats import PASSAGES, TASKS, answered

PROMPT = load_prompt_file("cards")
CARDS = [
    {
        "h": make_label(f"d/{number}"),
        "kind": "basic",
        "front": row["front"],
        "back": row["back"],
        "quote": row["exact"],
    }
    for number, row in enumerate(PASSAGES)
]


# --- what a chat does to the cards ------------------------------------------------------


def exchanged(cards, random):
    labels = [card["h"] for card in cards]
    random.shuffle(labels)
    return [{**card, "h": label} for card, label in zip(cards, labels, strict=True)]


def unlabelled(cards, random):
    return [{name: part for name, part in card.items() if name != "h"} for card in cards]


def numbered(cards, random):
    return [{**card, "h": f"{number}"} for number, card in enumerate(cards, 1)]


def quoting(change):
    def changed(cards, random):
        return [{**card, "quote": change(card["quote"], random)} for card in cards]

    return changed


LABELS = [lambda cards, random: cards, exchanged, unlabelled, numbered]
QUOTES = [
    lambda cards, random: cards,
    quoting(lambda quote, random: re.sub(r"([a-z]{6,})", r"**\1**", quote)),
    quoting(lambda quote, random: quote.replace("'", "’").replace('"', "”")),
    quoting(lambda quote, random: f"{quote[:len(quote) // 2]} … {quote[-len(quote) // 4:]}"),
    quoting(lambda quote, random: quote[: random.randint(14, len(quote))]),
    quoting(lambda quote, random: f"“{quote}”"),
]  # fmt: skip


# --- the form in which it gives them ----------------------------------------------------


def as_json(cards):
    return json.dumps({"cards": cards}, ensure_ascii=False, indent=1)


FORMS = [
    as_json,
    lambda cards: as_json(cards).replace("}\n ]", "},\n ]"),
    lambda cards: as_json(cards).replace("'", "\\'"),
    lambda cards: re.sub(r'"((?:[^"\\]|\\.)*)"', r"“\1”", as_json(cards)),
    lambda cards: html.escape(as_json(cards)),
    lambda cards: "\n".join(json.dumps(card) for card in cards),
    lambda cards: f"```json\n{as_json(cards[:2])}\n```\nand\n```json\n{as_json(cards[2:])}\n```",
    lambda cards: repr({"cards": cards}),
]  # fmt: skip
WRAPS = [
    lambda text: text,
    lambda text: f"Sure! Here {{they}} are [as you asked]:\n\n{text}\n\nAnything else?",
    lambda text: f"{text}\n\n{text}",
    lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    lambda text: "Lorem {ipsum} dolor: sit.\n" * 2_000 + "\n" + text,
]


@pytest.mark.parametrize("seed", range(56))
def test_an_answer_spoilt_by_machine_loses_no_sound_card_and_exchanges_none(seed):
    random = Random(seed)
    cards = random.sample(CARDS, random.randint(3, len(CARDS)))
    for changes in (LABELS, QUOTES):
        cards = random.choice(changes)(cards, random)
    form = FORMS[seed % len(FORMS)]
    stranger = {**cards[0], "front": "Who was it?", "quote": "Nobody marked these words."}
    given = [*cards, stranger] if seed % 3 == 0 else cards
    text = random.choice(WRAPS)(form(given))

    answer = parse_chat_reply(text, TASKS, PROMPT)
    came_in = answered(answer)
    assert sorted(dict(draft.fields)["Front"] for _, draft in came_in) == sorted(
        card["front"] for card in cards
    )
    for number, draft in came_in:
        assert dict(draft.fields)["Front"] == PASSAGES[number]["front"], text
        assert draft.quote in PASSAGES[number]["exact"]
    left = [problem for problem in answer.problems if not problem.is_notice]
    assert len(left) == len(given) - len(cards), "each other is named"

    # the answered passages need no card any more; those beside them get none of theirs
    taken = {draft.key for _, draft in came_in}
    left = [
        task.select_highlights(
            *(each for each in task.highlights if each.key not in taken)
        )
        for task in TASKS
    ]
    assert not answered(parse_chat_reply(text, left, PROMPT)), (
        "pasting again changes nothing"
    )


@pytest.mark.parametrize("form", FORMS[:7], ids=range(7))
def test_wherever_an_answer_is_cut_off_only_whole_cards_count(form):
    text = form(CARDS)
    for end in range(0, len(text), 97):
        fields = [
            dict(draft.fields)
            for _, draft in answered(parse_chat_reply(text[:end], TASKS, PROMPT))
        ]
        for card in fields:
            assert any(
                card["Front"] == row["front"] and card["Back"] == row["back"]
                for row in PASSAGES
            )
