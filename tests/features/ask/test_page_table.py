"""What the script of the page gets for a question: passages, works, an answer over quotes."""

import json
import re

import pytest

from tests.web.test_page_table import asked, desk, door, read  # noqa: F401

QUOTE = "Osmosis is the diffusion of water through a semipermeable membrane."


def test_a_question_is_answered_over_quotes(asked):  # noqa: F811
    found = asked("found?words=what+is+osmosis")
    [passage] = found["passages"]
    assert passage["words"] == ["", QUOTE, ""]
    assert passage["place"] == "Cells"
    text = asked("answer", {"question": "What is osmosis?"})["ask"]
    label = re.search(r'<passage label="(\w+)">', text)[1]
    told = [
        {"says": "Water diffuses.", "passage": label, "quote": "the diffusion of water"},
        {"says": "It is slow.", "passage": label, "quote": "it is slow"},
    ]
    reply = json.dumps({"answer": told})
    answer = asked("answer", {"question": "What is osmosis?", "reply": reply})
    assert [each["says"] for each in answer["sentences"]] == ["Water diffuses."]
    assert answer["sentences"][0]["words"][1] == "the diffusion of water"
    assert answer["said"] == "1 sentence dropped: no quote proves it."
    refused = asked("answer", {"question": "xyzzy"})
    assert refused["message"] == "Nothing you have read answers this."


def test_a_work_is_found_by_its_title_with_the_query_of_its_cards(asked):  # noqa: F811
    [work] = asked("found?words=Cells")["works"]
    assert (work["title"], work["query"]) == ("Cells", 'document:"Cells"')
    assert work["place"] == "4 highlights · 0 cards"


@pytest.mark.parametrize("words", ["", "  ", "verdict:waiting osmosis"])
def test_a_query_of_cards_is_no_question(asked, words):  # noqa: F811
    assert set(asked(f"found?words={words.replace(' ', '+')}")) == {"status"}
