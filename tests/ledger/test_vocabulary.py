"""Words with their translation: one question for each source, and one answer for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HEAD = (
    "Highlight,Book Title,Book Author,Note,Color,Location Type,Location,Highlighted at\n"
)
WORDS = {"sizable": "beträchtlich", "reliable": "zuverlässig", "bottleneck": "Engpass"}
SENTENCE = "A reliable and sizable sample is the bottleneck of the study."


def row(number: int, marked: str, note: str = "") -> str:
    return (
        f'"{marked}",A Paper,A Writer,"{note}",yellow,order,{number},2024-01-01 10:00\n'
    )


@pytest.fixture
def export(forge: Any, tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    rows = [row(number, *pair) for number, pair in enumerate(WORDS.items(), 1)]
    path.write_text("".join((HEAD, *rows, row(9, SENTENCE))), encoding="utf-8")
    forge.ok("run", path)
    return path


def question(forge: Any) -> dict[str, Any]:
    [asked] = forge.ok("list", "--view", "questions", "--json").lines
    return dict(asked)


def of_words(forge: Any) -> dict[str, tuple[str, str]]:
    """The translation and the verdict of each word with a card or a draft."""
    return {
        card["fields"]["Front"].partition("\n")[0]: (
            card["fields"]["Back"],
            card["verdict"],
        )
        for card in forge.cards()
        if card["origin"]["drafter"] == "rules:comment-translation"
    }


def test_all_words_are_one_question_and_one_answer_makes_their_cards(
    forge, export
) -> None:
    assert of_words(forge) == {word: (WORDS[word], "waiting") for word in WORDS}
    waiting = forge.json("status")["waiting"]
    assert (waiting["new"], waiting["changed"], waiting["questions"]) == (0, 0, 1)
    asked = question(forge)
    assert asked["text"] == "3 words with your translation in readwise: make cards?"
    assert asked["examples"] == [f"{word} = {WORDS[word]}" for word in WORDS]
    told = forge.ok("accept", "--all").stderr
    assert "  1 question waiting\n" in told
    assert {verdict for _, verdict in of_words(forge).values()} == {"waiting"}
    forge.ok("accept", asked["id"])
    assert of_words(forge) == {word: (WORDS[word], "accepted") for word in WORDS}


def test_the_sentence_of_the_words_keeps_its_own_proposal(forge, export) -> None:
    forge.ok("accept", question(forge)["id"])
    forge.ok("run")
    [other] = forge.ok("list", "--no-card", "--json").lines
    assert other["exact"] == SENTENCE
    assert other["suggestion"]["gaps"]


def test_later_words_are_cards_at_once_and_follow_their_notes(forge, export) -> None:
    forge.ok("accept", question(forge)["id"])
    text = export.read_text(encoding="utf-8").replace("Engpass", "Flaschenhals")
    export.write_text(text + row(10, "robust", "belastbar"), encoding="utf-8")
    assert "(1 new, 1 changed)" in forge.ok("run").stdout
    words = of_words(forge)
    assert words["bottleneck"] == ("Flaschenhals", "accepted")
    assert words["robust"] == ("belastbar", "accepted")


def test_no_is_kept_for_later_words_until_it_is_undone(forge, export) -> None:
    forge.ok("reject", question(forge)["id"])
    with export.open("a", encoding="utf-8") as file:
        file.write(row(10, "robust", "belastbar"))
    forge.ok("run")
    assert of_words(forge) == {}
    listed = forge.ok("list", "--no-card", "--all", "--json").lines
    reasons = {each["reason"] for each in listed if not each["suggestion"]}
    assert reasons == {"you said that such words are not cards"}
    told = forge.ok("undo").stderr
    assert "undone: no cards\n  words with your translation in readwise" in told
    forge.ok("run")
    assert len(question(forge)["examples"]) == 4


def test_two_words_that_are_left_wait_each_alone(forge, export) -> None:
    [reliable] = forge.ok("list", "zuverlässig", "--json").lines
    forge.ok("reject", reliable["id"])
    parts = {"new": 2, "changed": 0, "questions": 0, "more": 1}
    assert forge.json("status")["waiting"] == {"total": 2, **parts}


def test_no_model_is_asked_about_a_word_with_its_translation(forge, export) -> None:
    told = forge.ok("draft", "export", "-").stdout
    assert SENTENCE in told
    assert "beträchtlich" not in told
