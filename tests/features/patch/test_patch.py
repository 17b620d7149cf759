"""Edits in Anki come back to the notes as a patch that git and patch(1) apply."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.anki.figures import FigureDesk
from tests.anki.stories import Desk

CASES = yaml.safe_load(
    (Path(__file__).with_name("patches.yaml")).read_text(encoding="utf-8")
)
NAMES = [case["name"] for case in CASES]
REFUSED = [case for case in CASES if "refused" in case]


def diff_of(lines: list[dict[str, Any]]) -> bytes:
    """The patch that the lines of `patch --json` are made of."""
    return "".join(line["patch"] for line in lines).encode()


class Patched:
    """A vault with a note for each case: what was edited in Anki, and came back."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for case in CASES:
            self.file(case["name"]).write_bytes(case["note"].encode())
        (desk.notes / "lens.png").write_bytes(b"\x89PNG\r\n\x1a\n a picture")
        desk.run()
        desk.forge("accept", "--all")
        desk.forge("accept", "--all", "--filter", "verdict:waiting finding:leans_back")
        desk.go()
        for case in CASES:
            self.edit(case)
        self.patch = desk.forge.folder / "edits.patch"
        self.lines = desk.forge.ok("patch", "--json").lines
        self.patch.write_bytes(diff_of(self.lines))
        before = desk.forge.folder / "before"
        shutil.copytree(desk.notes, before)
        apply(["git", "apply", str(self.patch)], desk.notes)
        apply(["patch", "-p1", "-s", "--binary", "-i", str(self.patch)], before)
        self.by_patch = before
        self.run = desk.run()

    def file(self, name: str) -> Path:
        return self.desk.notes / f"{name}.md"

    def edit(self, case: dict[str, Any]) -> None:
        """What the person does in Anki to the first card of a note."""
        first = self.desk.forge.cards(f'document:"{case["name"]}"')[0]
        note = self.desk.anki.note(first["guid"])
        content = 2 if len(note.fields) > 1 and first["kind"] != "cloze" else 1
        for old, new in case["edit"].items():
            for number in range(content):
                note.fields[number] = note.fields[number].replace(old, new)
        self.desk.col.update_note(note)


def apply(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory, backend: Any) -> Iterator[Patched]:
    from tests.conftest import Forge

    forge = Forge(tmp_path_factory.mktemp("patched"))
    forge.settings("sources:\n  - obsidian: {name: notes, path: notes}\n")
    with backend.opened(forge.profile) as anki:
        yield Patched(Desk(forge, anki))


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_note_says_what_anki_says_and_nothing_else_changed(patched, case):
    file = patched.file(case["name"])

    wanted = case.get("patched", case["note"])
    assert file.read_bytes() == wanted.encode()
    assert (patched.by_patch / file.name).read_bytes() == wanted.encode()


@pytest.mark.parametrize("case", REFUSED, ids=[case["name"] for case in REFUSED])
def test_what_cannot_be_patched_is_refused_with_its_reason(patched, case):
    reasons = [line["refused"] for line in patched.lines if line["path"] == case["name"]]

    assert reasons == [case["refused"]]


def test_the_next_run_asks_nothing_and_lists_no_change(patched):
    assert patched.run["changes"] == []
    refused = sum("refused" in case for case in CASES)
    assert patched.run["notes"]["conflicts"] == 0, refused
    assert patched.desk.forge.ok("list", "--view", "questions", "--json").lines == []


def test_a_note_that_was_edited_since_the_last_run_is_refused(desk, forge):
    desk.write("Katze:::cat\n")
    desk.go()
    note = desk.anki.note(desk.guid())
    note["Back"] = "kitty"
    desk.col.update_note(note)
    desk.write("Katze:::cat\n\nSomething else.\n")

    [line] = forge.ok("patch", "--json").lines

    assert line["refused"] == "the note has changed since the last run: run first"


def test_a_note_that_is_refused_keeps_no_other_out_of_the_patch(desk, forge):
    (desk.notes / "A.md").write_text("Katze:::cat\n", encoding="utf-8")
    (desk.notes / "B.md").write_text("Hund:::dog\n", encoding="utf-8")
    desk.run()
    desk.go()
    for card in forge.cards():
        note = desk.anki.note(card["guid"])
        note["Back"] += " of ours"
        desk.col.update_note(note)
    (desk.notes / "A.md").write_text("Katze:::cat\n\nSomething else.\n")
    lines = forge.ok("patch", "--json").lines
    assert sorted(bool(line["refused"]) for line in lines) == [False, True]
    [patch] = [line["patch"] for line in lines if line.get("patch")]
    assert "+Hund:::dog of ours" in patch


def test_an_edit_of_a_card_that_only_the_journal_knows_waits_for_a_run(desk, forge):
    note = desk.notes / "Cells.md"
    note.write_text("What does a ribosome do?::It makes proteins.\n", encoding="utf-8")
    desk.run()
    desk.go()
    [card] = forge.cards()
    edited = desk.anki.note(card["guid"])
    edited.fields[1] = "It makes proteins from amino acids."
    desk.col.update_note(edited)
    (forge.folder / ".ankiforge" / "ledger.db").unlink()
    [line] = forge.ok("patch", "--json").lines
    assert line["refused"] == "its source has not been read here yet: run first"
    desk.run()
    [line] = forge.ok("patch", "--json").lines
    assert "+What does a ribosome do?::It makes proteins from" in line["patch"]
    assert f"+++ b/{line['path']}\n" in line["patch"]  # as `git apply` wants it


def test_a_reverse_side_and_an_extra_field_are_refused_with_what_to_do(desk, forge):
    desk.write("Katze:::cat\n\nHund:::dog\n")
    desk.go()
    for word, field, value in (("Katze", "Reverse", ""), ("Hund", "Extra", "barks")):
        note = desk.anki.note(desk.guid(word))
        note[field] = value
        desk.col.update_note(note)

    lines = forge.ok("patch", "--json").lines

    reverse = "the reverse side was switched on or off: do the same in the note"
    emptied = "a field was emptied or filled: do the same in the note"
    assert [line["refused"] for line in lines] == [reverse, emptied]

    note = desk.anki.note(desk.guid("Katze"))
    note["Back"] = "kitty"
    desk.col.update_note(note)
    assert forge.ok("patch", "--json").lines[0]["refused"] == reverse


def test_a_moved_mask_is_refused(forge, anki):
    desk = FigureDesk(forge, anki)
    desk.begin()
    desk.move_mask(1, ".5")

    [line] = forge.ok("patch", "--json").lines

    assert line["refused"] == "the masks of a figure are not words of a note"


def test_with_a_block_id_other_words_altogether_can_be_patched(desk, forge):
    sentence = "The capital of Mali is ==Bamako== today.\n"
    desk.write(sentence)
    desk.run()
    forge.ok("accept", "--all")
    desk.go()
    guid = desk.guid("Bamako")
    note = desk.anki.note(guid)
    note["Text"] = (
        "Far away, where nobody here has been, stands {{c1::Bamako}} in the sun."
    )
    desk.col.update_note(note)
    [refused] = forge.ok("patch", "--json").lines
    desk.write(sentence.replace(".", ". ^mali"))
    desk.run()

    [line] = forge.ok("patch", "--json").lines
    patch = forge.folder / "edits.patch"
    patch.write_bytes(diff_of([line]))
    apply(["git", "apply", str(patch)], desk.notes)
    run = desk.run()

    assert "block id" in refused["refused"]
    assert line["cards"] == [guid]
    assert run["changes"] == []
    assert run["notes"]["conflicts"] == 0
    assert forge.ok("list", "--view", "questions", "--json").lines == []
    assert desk.guid("Bamako") == guid


def test_a_drafted_card_is_listed_and_edits_of_two_vaults_need_a_query(
    desk, forge, tmp_path
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "B.md").write_text("Hund:::dog\n")
    forge.settings(
        "sources:\n  - obsidian: {name: notes, path: notes}\n"
        f"  - markdown: {{name: other, path: {other}}}\n",
        proposals=True,
        trust=True,
    )
    desk.write(
        "Katze:::cat\n\n==The forgetting curve is the decline of memory over time that Hermann Ebbinghaus described in 1885.==\n"
    )
    desk.run()
    [passage] = forge.ok("list", "--no-card", "--json").lines
    forge.ok("accept", passage["key"])
    desk.go()
    for word in ("Katze", "Hund", "Ebbinghaus"):
        note = desk.anki.note(desk.guid(word))
        note.fields[0] = (
            note.fields[0].replace("Katze", "Kater").replace("Hund", "Hündin")
        )
        note.fields[0] = note.fields[0].replace("memory", "memories")
        desk.col.update_note(note)

    both = forge("patch", code=2)
    lines = forge.ok("patch", "--json").lines
    one = forge.ok("patch", "source:other", "--json")

    assert "several folders" in both.stderr
    assert {line["refused"] for line in lines} == {
        "",
        "the card was drafted, so its words are not the note's: edit the note if it is wrong, too",
    }
    assert "1 edit in 1 file" in one.stderr
    assert "+Hündin:::dog" in one.lines[0]["patch"]
