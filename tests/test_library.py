"""The examples of the page about the Python library run, and say what they show."""

import doctest
from pathlib import Path

import pytest

import ankiforge
from ankiforge.errors import BusyError
from ankiforge.pipeline.decide import edit_card_or_draft
from ankiforge.pipeline.workspace import Workspace

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/guides/developers.md"
TUTORIAL = ROOT / "docs/tutorial/first-cards.md"


@pytest.fixture
def home(forge, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the workspace `cards`, and the note of the tutorial in `notes`."""
    note = TUTORIAL.read_text("utf-8").split("$ cat notes/Memory.md\n")[1].split("```")[0]
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes/Memory.md").write_text(note, "utf-8")
    (forge.folder / "cards").mkdir()
    settings = "anki: {collection: none, connect: 'http://127.0.0.1:9'}\n"
    (forge.folder / "cards/ankiforge.yaml").write_text(settings, "utf-8")
    forge.trust(forge.folder / "cards")
    monkeypatch.chdir(forge.folder)
    return forge.folder


def test_the_examples_run(home):
    failures, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert tried > 20
    assert failures == 0


def test_every_name_of_the_library_is_there():
    for name in ankiforge.__all__:
        assert getattr(ankiforge, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'missing'"):
        ankiforge.missing  # noqa: B018


def test_a_question_is_answered_by_its_id(home):
    note = home / "notes/One.md"
    note.write_text("What is a mutex?::A lock.\n", "utf-8")
    with ankiforge.Workspace(home / "cards") as workspace:
        workspace.run([note])
        [card] = workspace.cards("mutex")
        edit_card_or_draft(workspace.ledger, card.guid, {"Back": "My lock."})
        assert workspace.questions() == []
        note.write_text("What is a mutex?::A lock for threads.\n", "utf-8")
        workspace.run([note])
        [question] = workspace.questions()
        workspace.accept(question.id)
        [card] = workspace.cards("mutex")
        assert dict(card.fields)["Back"] == "A lock for threads."
        assert workspace.questions() == []


def test_a_lock_that_is_held_is_held_once_and_let_go_at_the_end_of_all(home):
    ours, theirs = Workspace(home / "cards"), Workspace(home / "cards")
    for _ in range(2):
        with ours.hold_lock("drafting"):
            with ours.hold_lock("drafting", 0):
                pass
            with pytest.raises(BusyError), theirs.hold_lock("drafting", 0):
                pass
    with theirs.hold_lock("drafting", 0):
        pass
