"""A path is read once, whatever names it; bold words are marks where a person says so, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

BOLD = (
    "The heart of a whale pumps **tons of blood** through the whole body every minute.\n"
)
CLIPPINGS = (
    "On Sleep (Doe, Jane)\n- Your Highlight on page 12 | Location 170-172 | Added on Sunday,"
    " March 1, 2026 10:01:00 AM\n\nSlow wave sleep (SWS) is deep.\n==========\n"
)
MARKED = "The kidney filters the ==plasma== of the blood in its many small units.\n"


@pytest.fixture
def nested(forge: Any) -> Path:
    """A vault in a vault, with a note each."""
    outer: Path = forge.folder / "Outer"
    for folder, words in ((outer, "liver"), (outer / "Inner", "kidney")):
        (folder / ".obsidian").mkdir(parents=True)
        text = MARKED.replace("kidney", words)
        (folder / f"{words}.md").write_text(text, encoding="utf-8")
    return outer


def texts(forge: Any) -> list[str]:
    return sorted(card["fields"]["Text"][4:10] for card in forge.cards())


ENTRY = "  - obsidian: {{name: {name}, path: {path}}}\n"


def settings(forge: Any, **paths: Path) -> None:
    entries = [ENTRY.format(name=name, path=path) for name, path in paths.items()]
    forge.settings("sources:\n" + "".join(entries))


def test_a_vault_in_a_vault_that_is_read_stays_a_part_of_it(forge, nested) -> None:
    forge.ok("run", nested)
    before = [card["highlight"] for card in forge.cards()]
    forge.ok("run", nested / "Inner")
    forge.ok("run")
    assert [card["highlight"] for card in forge.cards()] == before
    assert texts(forge) == ["kidney", "liver "]


def test_the_outer_vault_leaves_an_inner_one_alone_that_was_read_first(
    forge, nested
) -> None:
    forge.ok("run", nested / "Inner")
    forge.ok("run", nested)
    forge.ok("run")
    assert texts(forge) == ["kidney", "liver "]


def test_a_single_note_of_a_folder_does_not_take_in_the_vault_beside_it(
    forge, nested
) -> None:
    (nested / ".obsidian").rmdir()
    forge.ok("run", nested / "liver.md")
    forge.ok("run", nested / "Inner")
    forge.ok("run")
    sources = {card["highlight"].partition("/")[0] for card in forge.cards()}
    assert sources == {"vault:outer", "vault:inner"}
    assert texts(forge) == ["kidney", "liver "]


def test_sources_of_the_settings_do_not_share_a_note(forge, nested) -> None:
    (nested.parent / "Third").mkdir()
    third = "  - obsidian: {name: third, path: Third, include: ['**/*.md']}\n"
    entries = (("outer", nested), ("inner", nested / "Inner"))
    both = "".join(ENTRY.format(name=name, path=path) for name, path in entries)
    forge.settings(
        f"sources:\n{third}{both}"
    )  # one that names its files claims no others
    forge.ok("run")
    assert texts(forge) == ["kidney", "liver "]
    assert forge.json("run")["highlights"]["seen"] == 2


@pytest.mark.parametrize("named_first", [True, False])
def test_one_folder_with_two_names_is_read_once(forge, nested, named_first: bool) -> None:
    if named_first:
        forge.ok("run", nested)
    settings(forge, one=nested, two=nested)
    told = forge.ok("run").stderr
    assert "one reads this folder, too, so it is read once" in told
    assert forge.json("run")["highlights"]["seen"] == 2
    assert texts(forge) == ["kidney", "liver "]


# --- bold -----------------------------------------------------------------------------


def test_bold_is_a_mark_where_it_was_said_and_in_later_runs(forge, vault) -> None:
    (vault / "Whale.md").write_text(BOLD, encoding="utf-8")
    forge.ok("run", vault)
    assert texts(forge) == []
    forge.ok("run", vault, "--marks", "bold")
    assert texts(forge) == ["heart "]
    (vault / "Later.md").write_text(BOLD.replace("whale", "horse"), encoding="utf-8")
    forge.ok("run")
    assert texts(forge) == ["heart ", "heart "]
    forge.ok("run", vault, "--marks", "none")
    assert texts(forge) == []
    forge.ok("run")
    assert texts(forge) == []


@pytest.mark.parametrize(
    ("first", "then", "gaps"),
    [
        ((), ("--marks", "bold"), "The **heart** pumps {{c1::blood}} each minute."),
        (("--marks", "bold"), ("--marks", "none"), "The {{c1::heart}} pumps {{c2::blood}} each minute."),
    ],
)  # fmt: skip
def test_another_setting_of_marks_leaves_the_gaps_of_a_card(
    forge, vault, first, then, gaps
) -> None:
    (vault / "Heart.md").write_text("The **heart** pumps ==blood== each minute.\n")
    forge.ok("run", vault, *first)
    forge.ok("accept", "--all")
    forge.ok("run", vault, *then)
    [card] = forge.cards()
    assert (card["fields"]["Text"], card["verdict"]) == (gaps, "accepted")


def test_a_source_of_the_settings_reads_bold_words_as_well(forge, vault) -> None:
    (vault / "Whale.md").write_text(BOLD + "\n" + MARKED, encoding="utf-8")
    settings(forge, mine=vault)
    forge.ok("run", vault, "--marks", "bold", "--yes")
    forge.ok("run")
    assert texts(forge) == ["heart ", "kidney"]
    assert {card["highlight"].partition("/")[0] for card in forge.cards()} == {
        "vault:mine"
    }


def test_the_hint_about_bold_words_is_a_command_that_reads_them(forge, vault) -> None:
    notes = [BOLD.replace("whale", f"whale number {number}") for number in range(30)]
    (vault / "Whales.md").write_text("\n".join(notes), encoding="utf-8")
    told = forge.ok("run", vault).stderr
    command = told.partition("to read them, too: ankiforge ")[2].partition(")")[0]
    forge.ok(*command.split())
    assert len(texts(forge)) == 30


def test_marks_need_a_path_with_notes(forge, vault) -> None:
    assert "--marks needs the PATH" in forge("run", "--marks", "bold").stderr
    clippings = vault / "My Clippings.txt"
    clippings.write_text(CLIPPINGS, encoding="utf-8")
    assert (
        "--marks has no effect on it" in forge("run", clippings, "--marks", "bold").stderr
    )


def test_a_folder_of_a_vault_that_is_gone_with_its_saved_page_is_named_not_failed(
    forge, vault
) -> None:
    """The whole folder of such a page is read, because the page may have been renamed."""
    (vault / "Kidney.md").write_text(MARKED, encoding="utf-8")
    forge.ok("run", vault)
    page = vault / "sub" / "page.html"
    page.parent.mkdir()
    page.write_text("<p>Bees keep their brood at 35 degrees.</p>")
    file = next(forge.folder.parent.rglob("sources.yaml"))
    entry = f"- path: {page}\n  kind: web\n  name: sub\n  root: {page.parent}\n"
    file.write_text(file.read_text() + entry)

    page.rename(page.with_name("bees.html"))
    assert "missing" not in forge.ok("run").stderr
    page.parent.rename(vault / "pages")
    assert f"{page}: this remembered source is missing" in forge.ok("run").stderr
