"""Which note types the settings may name, where a package may be written, and what it tells: rows."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.anki.package import is_our_package, write_package
from ankiforge.anki.plan import CardPlan
from ankiforge.config import NoteTypes
from ankiforge.errors import ConfigError, ItemError, UsageError
from ankiforge.ledger import anki_views
from ankiforge.model import (
    AnkiNoteType,
    AnkiTemplate,
    Guid,
    NoteType,
    Problem,
)
from ankiforge.pipeline import deliver, media
from ankiforge.pipeline.deliver import ExportScope
from ankiforge.pipeline.run_result import (
    PlannedNote,
    RunResult,
    WrittenPackage,
)
from ankiforge.pipeline.workspace import Workspace
from tests.anki.makers import make_card
from tests.makers.anki_notes import note_for

# --- the user's own note types ---------------------------------------------------------------


def note_type(
    id: int, name: str, fields: str, question: str, *, cloze: bool = False
) -> AnkiNoteType:
    named = tuple((field, 10 * id + n) for n, field in enumerate(fields.split()))
    template = AnkiTemplate("Card 1", None, question, "{{FrontSide}}")
    return AnkiNoteType(id, name, 0, cloze, named, (template,), "")


VOKABEL = note_type(1, "Vokabel", "Wort Bedeutung Notiz", "{{Wort}}")
BACKWARDS = note_type(2, "Backwards", "Notiz Wort Bedeutung", "{{Wort}}")
ASKS_NOTE = note_type(3, "Asks note", "Wort Bedeutung Notiz", "{{Notiz}}")
LUECKE = note_type(4, "Lücke", "Satz Mehr", "{{cloze:Satz}}", cloze=True)
NO_GAP = note_type(5, "No gap", "Satz Mehr", "{{Satz}}", cloze=True)
WITHOUT_IDS = replace(
    VOKABEL, id=6, name="Old", fields=(("Wort", None), ("Bedeutung", 7))
)
THEIRS = (VOKABEL, BACKWARDS, ASKS_NOTE, LUECKE, NO_GAP, WITHOUT_IDS)
ALL = (*THEIRS, get_our_note_type(NoteType.BASIC))
FIELDS = {"Front": "Wort", "Back": "Bedeutung"}


def load(workspace: Workspace, types: Any = ALL, **named: Any) -> Any:
    workspace.ledger.set_value("types", types)
    setting = msgspec.convert(named, NoteTypes)
    config = replace(workspace.folder.config, note_types=setting)
    return deliver.load_configured_note_types(config, workspace.ledger)


@pytest.mark.parametrize(
    ("kind", "name", "fields", "key", "message", "hint"),
    [
        ("basic", "Vokabeln", FIELDS, ".name", "Anki has no note type 'Vokabeln'", "did you mean 'Vokabel'?"),
        ("basic", "ankiforge Basic", FIELDS, ".name", "'ankiforge Basic' is ankiforge's own", "leave it out of note_types"),
        ("basic", "ankiforge Basik", FIELDS, ".name", "Anki has no note type 'ankiforge Basik'", None),
        ("basic", "Lücke", FIELDS, ".name", "'Lücke' is a cloze note type", "name another one here, or move it to note_types.cloze"),
        ("cloze", "Vokabel", {"Text": "Wort"}, ".name", "'Vokabel' is not a cloze note type", "name another one here, or move it to note_types.basic"),
        ("basic", "Vokabel", {**FIELDS, "Back": "Bedeutun"}, ".fields.Back", "'Vokabel' has no field 'Bedeutun'", "did you mean 'Bedeutung'?"),
        ("basic", "Backwards", FIELDS, ".fields", "Anki needs 'Notiz', the first field of 'Backwards', and nothing goes there", "put Front or Back into 'Notiz'"),
        ("basic", "Asks note", FIELDS, ".fields", "no card template of 'Asks note' asks {{Wort}}", "choose another field, or change the template in Anki"),
        ("cloze", "No gap", {"Text": "Satz"}, ".fields", "no card template of 'No gap' asks {{cloze:Satz}}", "choose another field, or change the template in Anki"),
    ],
)  # fmt: skip
def test_a_note_type_that_does_not_fit_is_told_with_what_to_do(
    workspace, kind, name, fields, key, message, hint
):
    with pytest.raises(ConfigError) as raised:
        load(workspace, **{kind: {"name": name, "fields": fields}})
    assert raised.value.message.endswith(f"note_types.{kind}{key}: {message}")
    assert hint is None or raised.value.hint == hint
    assert "ankiforge Basic" not in raised.value.hint  # ours is never suggested


def test_a_note_type_is_not_known_before_anki_was_read(workspace):
    with pytest.raises(ConfigError, match="Anki was not read yet") as raised:
        load(workspace, (), basic={"name": "Vokabel", "fields": FIELDS})
    assert "ankiforge pull FILE" in raised.value.hint
    assert load(workspace, ()) == {}


# --- where a package may be ------------------------------------------------------------------


def write(path: Path) -> Path:
    write_package(path, [note_for(make_card(), "D", 5)])
    return path


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("new.apkg", "", ""),
        ("NEW.APKG", "", ""),
        ("ours.apkg", "", ""),
        ("theirs.apkg", "is not a package of ankiforge; it was left unchanged", "--force to replace it"),
        ("folder.apkg", "is a folder", "name a file: -o deck.apkg"),
        ("none/new.apkg", "there is no such folder", "mkdir "),
        ("new.zip", "Anki imports only packages whose names end in .apkg", "new.apkg"),
        ("new", "Anki imports only packages whose names end in .apkg", "new.apkg"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("force", [False, True])
def test_where_a_package_may_be_written(workspace, tmp_path, name, message, hint, force):
    (tmp_path / "folder.apkg").mkdir()
    write(tmp_path / "ours.apkg")
    (tmp_path / "theirs.apkg").write_text("theirs")
    path = tmp_path / name
    if not message or (force and name == "theirs.apkg"):
        deliver.check_output_path(path, workspace.ledger, force=force)
        return
    with pytest.raises(UsageError, match=message) as raised:
        deliver.check_output_path(path, workspace.ledger, force=force)
    assert hint in raised.value.hint


# --- what is written -------------------------------------------------------------------------


def plans(workspace: Workspace, **scope: Any) -> list[CardPlan]:
    return deliver.plan_cards(
        workspace.folder, workspace.ledger, workspace.decks, {}, ExportScope(**scope)
    )


def test_the_notes_are_recorded_with_the_package(workspace, tmp_path):
    planned = plans(workspace)
    path = tmp_path / "a.apkg"
    written = deliver.write_planned_package(workspace.ledger, planned, path)
    assert is_our_package(path)
    # the run has sent them before
    assert written == WrittenPackage(path, notes=6)
    assert written.unchanged_count == 6
    problem = Problem("x", "y")
    held = CardPlan(Guid("a"), is_live=True, problems=(problem,))
    again = deliver.write_planned_package(workspace.ledger, [held, *planned], path)
    assert again.problems == (problem,)
    assert [*tmp_path.glob(".*part")] == []


def test_a_package_of_another_workspace_is_left(workspace, tmp_path):
    ledger, path = workspace.ledger, write(tmp_path / "a.apkg")
    ledger.set_meta("written package", "1 2 3")
    assert deliver.write_planned_package(ledger, [], path) == WrittenPackage(path)
    assert path.exists()


def test_what_was_not_written_leaves_nothing_behind(workspace, tmp_path, monkeypatch):
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    path = tmp_path / "a.apkg"
    with pytest.raises(ItemError) as raised:
        deliver.write_planned_package(workspace.ledger, plans(workspace), path)
    assert raised.value.message == f"{path}: cannot be replaced: No space left on device"
    assert raised.value.hint == "free space there, then: ankiforge build"
    assert [*tmp_path.glob("*a.apkg*")] == []


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        ({}, 6),
        ({"deck": "Mine"}, 0),
        ({"full": True}, 6),
    ],
)
def test_the_cards_of_a_plan(workspace, scope, count):
    planned = plans(workspace, **scope)
    assert len(planned) == count
    assert all(plan.note and plan.exported for plan in planned)


def test_cards_that_anki_has_are_planned_once(workspace):
    shipped = plans(workspace)
    notes = [plan.note for plan in shipped if plan.note]
    assert len(notes) == 6
    record(workspace, notes)
    assert all(plan.is_up_to_date for plan in plans(workspace))
    assert plans(workspace) == []
    # all of them, if everything is to be packed
    assert sum(plan.note is not None for plan in plans(workspace, full=True)) == 6
    assert sum(plan.note is not None for plan in plans(workspace, full=True)) == 6


def record(workspace: Workspace, notes: Any) -> None:
    """Have these notes in Anki as they were packed."""
    from ankiforge.anki.collection import open_anki_contents

    path = workspace.folder.root / "there.apkg"
    write_package(path, notes)
    with open_anki_contents(path) as view:
        anki_views.record_anki_state(
            workspace.ledger,
            list(view.iter_notes()),
            complete=True,
            graves=frozenset(),
        )


def test_a_fault_in_one_card_leaves_the_others(workspace, monkeypatch):
    loaded = media.load_card_media
    broken: list[str] = []

    def load_media(ledger: Any, card: Any, folder: Path) -> Any:
        if not broken or card.guid in broken:
            broken.append(card.guid)
            raise ValueError("no")
        return loaded(ledger, card, folder)

    monkeypatch.setattr(media, "load_card_media", load_media)
    planned = plans(workspace)
    assert len(planned) == 6
    [fault] = [plan for plan in planned if not plan.note]
    [problem] = fault.problems
    assert problem.location == f"Organs: card {broken[0][:10]}"
    assert problem.hint


# --- what is told ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deck", "plan", "told"),
    [
        (None, {}, "Anki has every accepted card"),
        (None, {"hold_reason": "x"}, "Anki has every accepted card, but those that wait"),
        (None, {"has_conflict": True}, "Anki has every accepted card, but those that wait"),
        (" Mine ", {}, "no card in the deck Mine is accepted yet"),
        ("OURS", {}, "Anki has every accepted card in the deck OURS"),
    ],
)  # fmt: skip
def test_why_there_is_no_package(workspace, deck, plan, told):
    planned = [PlannedNote(Guid("a"), **plan)]
    ours = next(iter(workspace.cards())).deck
    wanted = ours if deck == "OURS" else deck
    found = deliver.explain_nothing_exported(workspace.ledger, planned, wanted)
    assert found == told.replace("OURS", ours)


def test_a_package_that_would_be_the_same_is_copied(workspace, tmp_path):
    def build(name: str, **scope: Any) -> WrittenPackage:
        result = RunResult()
        deliver.read_anki_and_write_package(
            workspace.folder,
            workspace.ledger,
            result,
            tmp_path / name,
            ExportScope(**scope),
        )
        [written] = result.published
        planned.append(len(result.planned))
        return written

    planned: list[int] = []
    workspace.ledger.set_cached_value("last package", "")  # that of the run
    first = build("a.apkg")
    assert build("a.apkg") == first
    assert build("b.apkg") == replace(first, path=tmp_path / "b.apkg")
    assert (tmp_path / "b.apkg").read_bytes() == (tmp_path / "a.apkg").read_bytes()
    build("c.apkg", deck="Mine")  # with other cards
    build("d.apkg", full=True)
    (tmp_path / "a.apkg").write_text("changed")
    build("a.apkg")
    assert planned == [6, 0, 0, 0, 6, 6]


def test_settings_that_do_not_fit_write_nothing(workspace, tmp_path):
    setting = msgspec.convert({"basic": {"name": "x", "fields": FIELDS}}, NoteTypes)
    config = replace(workspace.folder.config, note_types=setting)
    result, path = RunResult(), tmp_path / "a.apkg"
    folder = replace(workspace.folder, config=config)
    deliver.read_anki_and_write_package(folder, workspace.ledger, result, path)
    assert result.error.message.endswith("is not known; no package was written")
    assert "start Anki once" in result.error.hint
    assert not path.exists()
    first = UsageError("first")
    result = RunResult(error=first)
    deliver.read_anki_and_write_package(folder, workspace.ledger, result, path)
    assert result.error is first


def test_a_package_that_cannot_be_replaced_is_a_problem(workspace, tmp_path, monkeypatch):
    def fail(*_: Any) -> None:
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", fail)
    result, path = RunResult(), tmp_path / "a.apkg"
    deliver.read_anki_and_write_package(workspace.folder, workspace.ledger, result, path)
    assert result.problems == [
        Problem(
            str(path),
            "cannot be replaced: Permission denied",
            "close the program that has it open, then: ankiforge build",
        )
    ]
    assert result.published == []


@pytest.mark.parametrize(
    ("has_screen", "opener", "script", "is_opened"),
    [
        (False, True, "exit 0", False),
        (True, False, "", False),
        (True, True, "exit 0", True),
        (True, True, "exit 3", False),
    ],
)
def test_a_package_is_opened_as_by_a_double_click(
    tmp_path, monkeypatch, has_screen, opener, script, is_opened
):
    program = tmp_path / "bin" / "xdg-open"
    program.parent.mkdir()
    if opener:
        program.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n{script}\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin" if opener else "")
    monkeypatch.setattr(deliver, "can_show_windows", lambda: has_screen)
    monkeypatch.setattr(deliver, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.setattr(deliver, "_LAUNCH_TIMEOUT", 10.0)
    assert deliver.open_package(tmp_path / "a.apkg") is is_opened
    opened = tmp_path / "opened"
    if has_screen and opener:
        assert opened.read_text().strip() == str(tmp_path / "a.apkg")
    else:
        assert not opened.exists()
