"""The program on the laptop, a phone beside it, and Anki's own sync server between them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.anki import devices as d
from tests.anki.stories import Desk

RETIRED = "ankiforge::retired"
NOTE = "# Cells\n\nKatze:::cat\n\nHund:::dog\n"


class Computer(Desk):
    """One device; on it, perhaps, the program with a workspace and a vault of its own."""

    def __init__(self, forge: Any, device: Any) -> None:
        super().__init__(forge, device.anki)
        self.device = device
        self.write(NOTE, "Cells.md")
        forge.settings(
            "sources:\n  - obsidian: {name: notes, path: notes}\n"
            f"anki: {{collection: '{device.anki.col.path}'}}\n",
            trust=True,
        )


@pytest.fixture
def pair(
    tmp_path: Path, backend: ModuleType, sync_server: Any, forge: Any, forge_in: Any
) -> Iterator[tuple[Computer, Computer]]:
    folder = tmp_path / "devices"
    folder.mkdir()
    with d.devices(sync_server, folder, backend, "laptop", "phone") as made:
        yield (
            Computer(forge, made["laptop"]),
            Computer(forge_in(tmp_path / "second"), made["phone"]),
        )


def _sync(*computers: Computer) -> None:
    for computer in computers:
        computer.device.sync()


def _forged_on(laptop: Computer, phone: Computer) -> None:
    """The laptop forges and imports; the phone gets it by the sync."""
    laptop.run()
    laptop.load()
    _sync(laptop, phone)


def _carry_journal(source: Computer, target: Computer) -> None:
    """The folder of journals, as a service that syncs files brings it."""
    folders = (one.forge.folder / "journal" for one in (source, target))
    shutil.copytree(*folders, dirs_exist_ok=True)


def _texts(computer: Computer, guid: str) -> tuple[str, str]:
    note = computer.anki.note(guid)
    return note["Front"], note["Back"]


def test_words_from_the_phone_and_from_the_source_meet_on_both(pair):
    laptop, phone = pair
    _forged_on(laptop, phone)
    laptop.run()
    guid = laptop.guid()
    phone.anki.edit(guid, Front="die Katze")
    phone.col.db.execute("update notes set mod = mod - 60, usn = -1 where guid = ?", guid)
    laptop.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    laptop.run(updated=1)
    laptop.load()

    _sync(laptop, phone, laptop)
    assert _texts(laptop, guid) == _texts(phone, guid) == ("die Katze", "cat")
    laptop.run(updated=1)
    laptop.load()
    _sync(laptop, phone)

    assert _texts(laptop, guid) == _texts(phone, guid) == ("die Katze", "cat (an animal)")
    laptop.run(written=0)


def test_two_computers_that_forge_and_import_before_they_sync_have_one_note_each(pair):
    laptop, phone = pair
    for computer in pair:
        computer.run()
        computer.load()
    _sync(laptop, phone, laptop)

    for computer in pair:
        computer.notes_there(2)
        computer.run(written=0)
        computer.cards(anki="seen")


def test_a_computer_whose_vault_lags_behind_does_not_bring_old_words_back(pair):
    laptop, phone = pair
    for computer in pair:
        computer.run()
    laptop.load()
    _sync(laptop, phone)
    for computer in pair:
        computer.run()
    laptop.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    _forged_on(laptop, phone)
    _carry_journal(laptop, phone)

    phone.run(written=0)
    assert _texts(phone, laptop.guid()) == ("Katze", "cat (an animal)")
    phone.rewrite("Katze:::cat", "Katze:::cat (an animal)")
    phone.run(written=0, conflicts=0)


def test_an_edit_that_a_computer_does_not_know_stands(pair):
    laptop, phone = pair
    for computer in pair:
        computer.run()
    _forged_on(laptop, phone)
    for computer in pair:
        computer.run()
    guid = laptop.guid()
    laptop.anki.edit(guid, Back="a cat")
    _sync(laptop, phone)
    for computer in pair:
        computer.run(written=0)
    laptop.forge.ok("edit", guid, "--field", "Back", "a cat, a pet")
    _forged_on(laptop, phone)

    phone.run(written=0, conflicts=0)
    assert _texts(phone, guid) == ("Katze", "a cat, a pet")
    _carry_journal(laptop, phone)
    assert _texts(phone, guid) == ("Katze", "a cat, a pet")
    phone.run(written=0, conflicts=0)


@pytest.mark.parametrize("laptop_first", [True, False])
def test_a_rejected_card_is_retired_again_after_a_full_sync(pair, laptop_first):
    laptop, phone = pair
    for computer in pair:
        computer.run()
        computer.load()
    guid = phone.guid()
    phone.forge.ok("reject", guid)
    phone.run()
    phone.load()
    phone.run()
    assert RETIRED in phone.anki.note(guid).tags
    laptop.anki.col.mod_schema(
        check=False
    )  # a full sync: the laptop's collection, where the card
    laptop.device.sync(upload=True)  # is live, replaces that of the phone
    phone.device.sync(upload=False)
    assert RETIRED not in phone.anki.note(guid).tags
    _carry_journal(phone, laptop)

    first, second = pair if laptop_first else (phone, laptop)
    first.run(withheld=0)
    first.load()
    _sync(first, second)
    _carry_journal(first, second)
    second.run(written=0)
    for computer in pair:
        assert RETIRED in computer.anki.note(guid).tags
