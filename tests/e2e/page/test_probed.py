"""What a person does on the page about a second right answer, and about a question left unanswered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

STAR = "The light that reaches us from a star is its apparent brightness."
FRONT = "What is the light that reaches us from a star called?"


@pytest.fixture
def model(fake: Any) -> Any:
    """A model that answers each probe with another right answer as well."""

    def say(request: dict[str, Any]) -> Any:
        if asked := fake.questions(request):
            return fake.answers(*((h, "apparent brightness", ("flux",)) for h, _, _ in asked))
        if "asks again" in request["messages"][-1]["content"]:
            front = "Of what is the apparent brightness of a star the light?"
            return fake.cards(fake.card("1", STAR, front, "that which reaches us"))
        return fake.cards(fake.card("1", STAR, FRONT, "apparent brightness"))

    with fake.LlmServer() as running:
        running.otherwise = say
        yield running


def configure(forge: Any, url: str, verify: str = "probe", comment: str = "") -> None:
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "Stars.md").write_text(f"=={STAR}=={comment}\n", encoding="utf-8")
    llm = {"base_url": url, "model": "m-70b", "candidates": 1, "verify": verify}
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {json.dumps(llm)}\nanki: {{collection: none}}\n"
    )
    forge.ok("run")


def test_another_right_answer_is_added_to_the_answer_with_one_key(
    forge: Any, model: Any, review: Any, settled: Any
) -> None:
    configure(forge, model.base_url)
    page = review()
    assert "flux" in page.text_content("#why")
    page.keyboard.press("o")
    settled(page)
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    assert card["fields"]["Back"] == "apparent brightness (also right: flux)"
    assert "also_right" not in [one["check"] for one in card["findings"]]


def test_of_a_cloze_another_right_answer_is_added_below_the_answer(
    forge: Any, model: Any, fake: Any, review: Any, settled: Any
) -> None:
    words = STAR.replace("apparent brightness", "{{c1::apparent brightness}}")
    cloze = {"h": "1", "kind": "cloze", "quote": STAR, "text": words}
    other = model.otherwise
    model.otherwise = lambda asked: other(asked) if "<question" in str(asked) else fake.cards(cloze)
    configure(forge, model.base_url)
    page = review()
    page.keyboard.press("o")
    settled(page)
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    assert card["fields"] == {"Text": words, "Extra": "Also right: flux"}


def test_another_right_answer_is_excluded_from_a_card_drafted_anew(
    forge: Any, model: Any, review: Any, settled: Any
) -> None:
    configure(forge, model.base_url)
    page = review()
    page.keyboard.press("O")
    page.locator("#told", has_text="waits under New cards").wait_for()
    asked = next(
        text for one in model.asked if "asks again" in (text := one["messages"][-1]["content"])
    )
    assert "another right answer as well: «flux»" in asked
    assert page.locator("#cards article").count() == 2
    assert "change the question and the answer" in asked


def test_a_question_beyond_the_passage_is_answered_by_hand(
    forge: Any, fake: Any, review: Any, settled: Any, tmp_path: Path
) -> None:
    from samples.pdf_writer import Page, mark, paragraph, write_pdf

    with fake.LlmServer() as server:
        none = {"h": "1", "kind": "none", "why_none": "nothing is said of that"}
        server.otherwise = lambda request: fake.cards(none)
        papers = forge.folder / "papers"
        papers.mkdir()
        write_pdf(
            papers / "stars.pdf",
            [Page((paragraph(STAR),), (mark(STAR, comment="why do stars twinkle?"),))],
            title="Stars",
        )
        llm = {"base_url": server.base_url, "model": "m-70b", "candidates": 1}
        forge.settings(
            "sources: [{pdf: {name: papers, path: papers}}]\ndrafter: llm\n"
            f"llm: {json.dumps(llm)}\nanki: {{collection: none}}\n"
        )
        forge.ok("run")
    page = review()
    page.click('#views a[data-view="passages"]')
    settled(page)
    assert "your question goes beyond the passage" in page.text_content("#why").casefold()
    page.keyboard.press("n")
    assert page.input_value('textarea[name="Front"]') == "why do stars twinkle?"
    page.keyboard.type("The air bends their light.")
    page.keyboard.press("Control+Enter")
    settled(page)
    [card] = forge.cards()
    assert card["fields"]["Front"] == "why do stars twinkle?"
    assert card["fields"]["Back"] == "The air bends their light."
    assert card["verdict"] == "accepted"
