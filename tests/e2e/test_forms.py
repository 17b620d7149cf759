"""Consent to a form in which cards are written: once for each source, kept in the journal, undone as a whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

NOTE = """\
Capital of France::Paris

Capital of Italy::Rome

Capital of Spain::Madrid

A lens ::: bends light

due:: 2026-01-01
"""
LATER = "\nCapital of Greece::Athens\n\nCapital of Norway::Oslo\n"
FORM = "a :: b"


@pytest.fixture
def note(forge: Any, vault: Path) -> Path:
    path = vault / "Capitals.md"
    path.write_text(NOTE, encoding="utf-8")
    settings = f"sources: [obsidian: {{path: '{vault}', name: notes}}]\naccept: {{rules: review}}\n"
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    forge.ok("run")
    return path


def stands(forge: Any) -> dict[str, tuple[str, str, str]]:
    """{front: verdict, standing, by whom accepted}."""
    return {
        next(iter(card["fields"].values())): (
            card["verdict"],
            card["standing"],
            card["accepted_by"],
        )
        for card in forge.cards()
    }


def forms(forge: Any) -> dict[str, tuple[int, str]]:
    return {
        one["form"]: (one["waiting"], one["choice"]) for one in forge.ok("forms", "--json").lines
    }


WAITS = ("pending", "live", "")


def test_consent_accepts_what_waits_and_later_cards_each_by_its_own_event(forge, note) -> None:
    assert forms(forge) == {FORM: (3, ""), "a ::: b": (1, ""), "word:: value": (1, "")}
    forge.ok("forms", FORM, "--accept")
    assert forms(forge)[FORM] == (0, "accept")
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    found = stands(forge)
    assert found["Capital of Spain"] == ("accepted", "live", "person")
    assert found["Capital of Norway"] == ("accepted", "live", "author")
    assert found["A lens"] == found["due"] == WAITS
    assert "accepted from now on" in forge.ok("status").stdout
    [shown] = [one for one in forge.json("status")["forms"] if one["form"] == FORM]
    assert (shown["source"], shown["waiting"], shown["choice"]) == ("notes", 0, "accept")


def test_undo_takes_back_the_setting_and_the_cards_nothing_was_decided_on_since(
    forge, note
) -> None:
    forge.ok("forms", FORM, "--accept")
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    [paris] = [one["guid"] for one in forge.cards() if "Paris" in str(one["fields"])]
    [oslo] = [one["guid"] for one in forge.cards() if "Oslo" in str(one["fields"])]
    forge.ok("edit", paris, "--field", "Back", "Paris, on the Seine")
    forge.ok("reject", oslo)
    [decided] = [one for one in forge.ok("forms", "--json").lines if one["choice"]]
    forge.ok("undo", decided["event"])
    found = stands(forge)
    assert found["Capital of Spain"] == found["Capital of Greece"] == WAITS
    assert found["Capital of France"][0] == "accepted"
    assert found["Capital of Norway"][0] == "rejected"
    assert forms(forge)[FORM][1] == ""


def test_never_rejects_nothing_and_makes_no_later_card_until_it_is_undone(forge, note) -> None:
    [paris] = [one["guid"] for one in forge.cards() if "Paris" in str(one["fields"])]
    forge.ok("accept", paris)
    forge.ok("forms", FORM, "--never", "--source", "notes")
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    found = stands(forge)
    assert found["Capital of France"] == ("accepted", "live", "person")
    assert found["Capital of Italy"][:2] == ("pending", "retired")
    assert "Capital of Norway" not in found
    assert "rejected" not in {verdict for verdict, _, _ in found.values()}
    [greece] = [
        one for one in forge.ok("list", "--no-card", "--json").lines if "Athens" in one["exact"]
    ]
    assert greece["reason"] == "cards of this form are not selected"
    forge.ok("undo")
    forge.ok("run")
    found = stands(forge)
    assert found["Capital of Italy"] == found["Capital of Norway"] == WAITS


@pytest.mark.parametrize("choice", ["accept", "each", "never"])
def test_consent_survives_a_lost_ledger(forge, note, choice: str) -> None:
    forge.ok("forms", FORM, f"--{choice}")
    before = stands(forge)
    shutil.rmtree(forge.folder / ".ankiforge")
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    found = stands(forge)
    assert forms(forge)[FORM][1] == choice
    if choice == "never":
        assert not {"Capital of Italy", "Capital of Norway"} & found.keys()
    else:
        assert {front: found[front] for front in before} == before
        assert found["Capital of Norway"][0] == ("accepted" if choice == "accept" else "pending")


def test_what_the_policy_accepts_needs_no_consent(forge, vault: Path) -> None:
    (vault / "Fields.md").write_text(
        "".join(f"key{at}:: value {at}\n\n" for at in range(4)) + NOTE, encoding="utf-8"
    )
    forge.ok("run", vault)
    assert list(forms(forge)) == ["word:: value"]
    forge.ok("forms", "word:: value", "--accept")
    assert {verdict for verdict, _, _ in stands(forge).values()} == {"accepted"}


def test_a_decision_is_made_once_and_a_form_must_be_known(forge, note) -> None:
    forge.ok("forms", FORM, "--each")
    told = forge("forms", FORM, "--accept", code=1).stderr
    assert "you decided on 'a :: b' before" in told
    assert "ankiforge undo" in told
    assert "no card is written as 'a >> b'" in forge("forms", "a >> b", "--each", code=2).stderr
    assert forge("forms", FORM, code=2).stderr
    assert forge("forms", "--never", code=2).stderr


def test_accept_review_lets_cards_of_an_accepted_form_wait(forge, note) -> None:
    forge.ok("forms", FORM, "--accept")
    note.write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run", "--accept", "review")
    assert stands(forge)["Capital of Norway"] == WAITS
