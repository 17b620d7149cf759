"""A person types into a note for minutes: nobody is ever given half a sentence."""

import os
from pathlib import Path
from typing import Any

LENS = "The ==aperture== decides how much light enters.\n"
SENTENCES = [
    f"{question}?::{answer}\n\n"
    for question, answer in (
        ("What does the iris do", "It narrows the pupil when the light is bright"),
        ("Why do leaves turn yellow", "Chlorophyll breaks down and carotene remains visible"),
        (
            "Who drew the first periodic table",
            "Mendeleev, in the year 1869, with gaps for the unknown",
        ),
        ("How do whales sleep", "One half of their brain rests while the other half swims"),
        (
            "When did Constantinople fall",
            "On a Tuesday in May 1453, after fifty-three days of siege",
        ),
        (
            "Which metal melts in a hand",
            "Gallium, whose melting point lies just below thirty degrees",
        ),
        ("What is a sonnet", "A poem of fourteen lines with a turn before its end"),
        ("Why is the sea salty", "Rivers carry dissolved minerals there, and only vapour leaves"),
        ("How old is the universe", "About thirteen billion eight hundred million years"),
        ("What feeds a glacier", "Snow that was pressed into ice above its firn line"),
        ("Where do eels spawn", "Far out in the Sargasso, where nobody ever saw them do it"),
        ("Why do cats purr", "Nobody knows for certain; perhaps it heals their bones"),
    )
]
PER_SECOND = 5
MINUTES = 3


def answers(notes: dict[str, tuple[int, list[str], str]]) -> set[str]:
    return {fields[1] for _, fields, _ in notes.values() if fields[0].endswith("?")}


def test_what_is_typed_for_minutes_goes_out_whole_or_not_at_all(
    desk, watch, vault, notes_in, monkeypatch
):
    from ankiforge import watch as watching

    monkeypatch.setattr(watching, "QUIET", 0.3)  # in the test's time, in which every fifth is typed
    (vault / "Other.md").write_text(LENS, "utf-8")
    watched, note, package = watch(), vault / "Typed.md", desk / "ankiforge.apkg"
    text = "".join(SENTENCES)[: PER_SECOND * 60 * MINUTES]
    assert len(text) == PER_SECOND * 60 * MINUTES
    began, wait, typed = watched.clock(), watched.wait, ""
    changed: list[bool] = []

    def write() -> None:
        """What was typed by now: nobody waits for the program that reads."""
        nonlocal typed
        count = int((watched.clock() - began) * PER_SECOND)
        if typed != text[:count]:
            typed = text[:count]
            note.write_text(typed, "utf-8")
            os.utime(note, (watched.clock(), watched.clock()))
            changed.append(True)

    def wait_and_type(seconds: float) -> bool:
        left = max(seconds, 0.01)
        while left > 0 and not changed:
            step = min(left, 1 / PER_SECOND)
            left -= step
            wait(step)
            write()
        came = bool(changed)
        changed.clear()
        return came

    watched.wait = wait_and_type
    seen: set[str] = set()
    while typed != text:
        watched.watcher.turn()
        watched.watcher.rest()
        if package.exists():
            seen |= answers(notes_in(package))
    assert package.exists(), "what was quiet went out meanwhile"
    assert seen == set()
    reads = [notes for _, notes in watched.of("pass") if notes]
    assert len(reads) > 20, "it was read meanwhile"

    watched.later(150)
    whole = [sentence for sentence in SENTENCES if sentence in f"{text}\n\n"]
    last = {text.rpartition("::")[2]} if "::" in text.rpartition("\n")[2] else set()
    found = answers(notes_in(package))
    assert {one.partition("::")[2].strip() for one in whole} <= found
    assert found <= {one.partition("::")[2].strip() for one in whole} | last


# --- a person thinks in the middle of a sentence -------------------------------------------------

METAL = "Which metal melts in a hand?::Gallium"
PAUSE = 5


def typed_with_pauses(watched: Any, note: Path, *texts: str) -> None:
    for text in texts:
        note.write_text(f"{text}\n", "utf-8")
        os.utime(note, (watched.clock(), watched.clock()))
        watched.turn()
        watched.later(PAUSE)


def card_of(forge: Any, front: str) -> Any:
    [card] = [one for one in forge.cards() if one["fields"].get("Front", "").startswith(front)]
    return card


def test_half_a_sentence_is_not_accepted_before_its_note_is_quiet(
    desk, watch, vault, notes_in, forge
):
    """The half is clean, the whole is not: once accepted, the half would go into the package."""
    watched, note = watch(), vault / "Metals.md"
    for text in (METAL[:-3], METAL, f"{METAL} ![[hand.png]]"):
        typed_with_pauses(watched, note, text)
        assert card_of(forge, "Which metal")["verdict"] == "pending"
    watched.later(150)
    card = card_of(forge, "Which metal")
    assert (card["verdict"], card["fields"]["Back"]) == ("pending", "Gallium ![](hand.png)")
    assert not (desk / "ankiforge.apkg").exists()


def test_what_was_typed_with_pauses_is_one_card_with_the_final_words(
    desk, watch, vault, notes_in, forge
):
    watched, note = watch(), vault / "Metals.md"
    typed_with_pauses(watched, note, METAL[:-5], METAL, f"{METAL}, at thirty", f"{METAL}, at 30 °C")
    watched.later(100)
    assert card_of(forge, "Which metal")["verdict"] == "pending"
    watched.later(60)
    card = card_of(forge, "Which metal")
    assert (card["verdict"], card["fields"]["Back"]) == ("accepted", "Gallium, at 30 °C")
    assert "Gallium, at 30 °C" in answers(notes_in(desk / "ankiforge.apkg"))
    assert forge.cards("verdict:pending") == []


def test_a_card_in_the_package_keeps_its_words_until_the_new_ones_are_whole(
    desk, watch, vault, notes_in, forge
):
    watched, note = watch(), vault / "Metals.md"
    typed_with_pauses(watched, note, METAL)
    watched.later(150)
    typed_with_pauses(watched, note, f"{METAL}, at thi", f"{METAL}, at thirty degrees")
    watched.later(150)
    card = card_of(forge, "Which metal")
    assert card["fields"]["Back"] == "Gallium"
    assert card["revision"]["fields"]["Back"] == "Gallium, at thirty degrees"
    assert "Gallium" in answers(notes_in(desk / "ankiforge.apkg"))


def test_a_run_accepts_what_a_watcher_that_was_stopped_had_left_for_later(watch, vault, forge):
    typed_with_pauses(watch(), vault / "Metals.md", METAL)
    assert card_of(forge, "Which metal")["verdict"] == "pending"
    forge.ok("run")
    assert card_of(forge, "Which metal")["verdict"] == "accepted"
