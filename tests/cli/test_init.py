"""`ankiforge init` and `doctor`, called as a person calls them."""

import io
import json
import shutil
from pathlib import Path

import pytest

from ankiforge.cli import main
from ankiforge.config import read_settings
from ankiforge.config.deckfiles import load_decks
from ankiforge.extract import registry
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Library, write_zotero


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a vault and a Zotero folder, in which we stand."""
    home = tmp_path / "home"
    (home / "My Notes/.obsidian").mkdir(parents=True)
    (home / "My Notes/a.md").write_text("Some ==marked== words.\n\nfront::back\n")
    (home / "Zotero").mkdir()
    write_zotero(home / "Zotero/zotero.sqlite", [Library(())])
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANKIFORGE_HOME", str(tmp_path / "user"))
    for name in (
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "APPDATA",
        "ANKI_BASE",
        "ANKIFORGE_TRUST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def ankiforge(capsys: pytest.CaptureFixture[str]):
    """Call the program; gives its exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = capsys.readouterr()
        return int(str(ended.value.code)), out, err

    return call


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_init_writes_a_workspace_that_loads_with_what_was_found(home, ankiforge):
    code, out, err = ankiforge("init", "cards")
    assert (code, out) == (0, "")
    config = read_settings(home / "cards/ankiforge.yaml", registry)
    assert [(source.kind, source.name, source.path) for source in config.sources] == [
        ("obsidian", "mynotes", home / "My Notes"),
        ("zotero", "zotero", home / "Zotero"),
    ]
    text = (home / "cards/ankiforge.yaml").read_text(encoding="utf-8")
    assert "marks: [==, mark]" in text
    assert load_decks(home / "cards")
    assert (home / "cards/prompts/cards.md").is_file()
    assert (home / "cards/.ankiforge/.gitignore").read_text() == "*\n"
    assert f"made {home / 'cards/ankiforge.yaml'}" in err
    assert err.rstrip().endswith("then: ankiforge run")


def test_where_nothing_is_found_init_asks_for_a_path(home, ankiforge):
    shutil.rmtree(home / "My Notes")
    shutil.rmtree(home / "Zotero")
    code, _, err = ankiforge("init", "cards")
    assert code == 0
    assert "no vault, Zotero library or e-book was found" in err
    assert err.rstrip().endswith("then: ankiforge run PATH")


def test_init_never_overwrites(home, ankiforge):
    (home / "cards/decks").mkdir(parents=True)
    (home / "cards/decks/reading.yaml").write_text("deck: Mine\n")
    ankiforge("init", "cards")
    before = files(home / "cards")
    assert before["decks/reading.yaml"] == b"deck: Mine\n"

    code, _, err = ankiforge("init", "cards")

    assert code == 0
    assert "ankiforge.yaml already exists" in err
    assert files(home / "cards") == before


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("My Notes", ("is inside the vault", "hint: a folder outside")),
        ("My Notes/deep/er", ("is inside the vault", "hint: a folder outside")),
        ("file", ("cannot be written",)),
        ("broken", ("ankiforge.yaml:1: drafter: 'rulez'", "hint: did you mean 'rules'?")),
    ],
)
def test_where_no_workspace_can_be_nothing_is_written_and_the_exit_code_is_2(
    home, ankiforge, folder, says
):
    (home / "file").write_text("")
    (home / "broken").mkdir()
    (home / "broken/ankiforge.yaml").write_text("drafter: rulez\n")
    before = files(home)
    code, _, err = ankiforge("init", folder)
    assert code == 2
    assert all(words in err for words in says), err
    assert files(home) == before


def test_a_second_workspace_is_not_registered_and_is_named_in_the_next_commands(
    home, ankiforge
):
    ankiforge("init", "cards")

    _, _, err = ankiforge("init", "more")

    assert f"ankiforge -C {home / 'more'} run" in err
    _, out, _ = ankiforge("doctor")
    assert "✓ settings     cards/ankiforge.yaml" in out


def test_a_workspace_of_somebody_else_is_trusted_only_on_demand(home, ankiforge):
    (home / "theirs").mkdir()
    (home / "theirs/ankiforge.yaml").write_text("sources:\n- zotero: {path: ~/Zotero}\n")

    code, _, err = ankiforge("init", "theirs")
    assert code == 0
    assert f"ankiforge init --trust {home / 'theirs'}" in err
    assert ankiforge("doctor", "-C", "theirs")[0] == 2

    code, _, err = ankiforge("init", "--trust", "theirs")
    assert code == 0
    assert "--trust" not in err
    assert ankiforge("doctor", "-C", "theirs")[0] == 0


def test_the_first_init_takes_over_the_default_workspace_and_says_so(
    home, tmp_path, ankiforge
):
    (tmp_path / "user/.ankiforge").mkdir(parents=True)
    (tmp_path / "user/.ankiforge/ledger.db").write_bytes(b"x")
    (tmp_path / "user/journal").mkdir()
    (tmp_path / "user/journal/0a1b.jsonl").write_text("{}\n")

    _, _, err = ankiforge("init", "cards")

    assert "moved here from the default workspace: journal, .ankiforge" in err
    assert (home / "cards/.ankiforge/ledger.db").read_bytes() == b"x"
    assert (home / "cards/.ankiforge/.gitignore").read_text() == "*\n"
    assert (home / "cards/journal/0a1b.jsonl").read_text() == "{}\n"


def test_all_that_was_read_before_the_first_init_is_read_after_it(home, ankiforge):
    vault = home / "My Notes"

    def mark_words(words: str) -> None:
        text = paragraph("The heart pumps blood.")
        write_pdf(vault / "heart.pdf", [Page([text], marks=[mark(words)])])

    mark_words("pumps")
    ankiforge("run", str(vault))

    ankiforge("init", "cards")
    _, out, err = ankiforge("run")
    assert "not read" not in out + err
    assert "not found" not in out + err
    mark_words("heart")
    _, out, _ = ankiforge("run")
    assert "(1 new" in out
    # and after the settings name the new path of a vault that was renamed
    vault.rename(home / "Old Notes")
    settings = home / "cards/ankiforge.yaml"
    settings.write_text(settings.read_text("utf-8").replace("/My Notes", "/Old Notes"))
    ankiforge("init", "--trust", "cards")
    _, out, err = ankiforge("run")
    assert "new" not in out.splitlines()[0]
    assert "missing" not in err


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_terminal_asks_before_the_default_workspace_is_moved_and_undo_still_reaches_it(
    home, ankiforge, monkeypatch, answer
):
    (home / "note.md").write_text(
        "The Titanic sank in ==1912== off Newfoundland.\n", "utf-8"
    )
    ankiforge("run", "note.md")
    assert ankiforge("accept", "--all", "--filter", "sank")[0] == 0
    typed = io.StringIO(f"{answer}\none\n")
    monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", typed)
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stderr.isatty", lambda: True, raising=False)
        _, _, err = ankiforge("init", "cards")

    assert "move the cards of your default workspace to" in err
    assert ("moved here" in err) is (answer == "y")
    assert (home / "cards/.ankiforge/ledger.db").exists() is (answer == "y")
    # without -C, commands reach these cards in both places
    assert ankiforge("undo")[0] == 0
    _, out, _ = ankiforge("list", "--json")
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["waiting"]


# --- doctor ---------------------------------------------------------------------------------


def test_doctor_ends_with_the_code_of_the_failing_part_and_says_what_to_do(
    home, ankiforge
):
    ankiforge("init", "cards")
    code, out, err = ankiforge("doctor", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert {line["state"] for line in lines} == {"ok"}
    assert set(lines[0]) == {"name", "state", "says", "do", "exit_code"}
    ledger = home / "cards/.ankiforge/ledger.db"
    assert ankiforge("run")[0] == 0
    code, out, _ = ankiforge("doctor")
    assert code == 0, out
    assert "✓ source mynotes  obsidian in" in out
    assert "✓ ledger       every line in" in out

    (home / "Zotero").rename(home / "Elsewhere")
    code, out, _ = ankiforge("doctor")
    assert code == 1
    assert "✗ source zotero  " in out
    assert "do: correct path: in ankiforge.yaml" in out
    ledger.write_bytes(b"SQLite format 3\0" + b"rubbish" * 2000)
    before = ledger.read_bytes()
    (home / "Elsewhere").rename(home / "Zotero")
    code, out, _ = ankiforge("doctor")
    assert code == 4
    assert "✗ ledger       " in out
    assert ledger.read_bytes() == before


def test_a_vault_is_read_in_the_dialect_of_its_plugin_without_a_setting(home, ankiforge):
    note = "#flashcards\n\nThe ==heat== of it <!--SR:!2026-01-01,3,250-->\n\nfirst&&one\n"
    (home / "My Notes/b.md").write_text(note)
    kept = home / "My Notes/.obsidian/plugins/obsidian-spaced-repetition/data.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps({"settings": {"singleLineCardSeparator": "&&"}}))
    listed = home / "My Notes/.obsidian/community-plugins.json"
    listed.write_text('["obsidian-spaced-repetition"]')

    ankiforge("init", "cards")

    (source, _) = read_settings(home / "cards/ankiforge.yaml", registry).sources
    assert not {"cards", "marks"} & source.options.keys()
    _, out, _ = ankiforge("-C", "cards", "run", "--dry-run", "-v", "--json")
    lines = map(json.loads, out.splitlines())
    assert {line["exact"] for line in lines if "exact" in line} == {
        "front::back",
        "first&&one",
        "The heat of it",
        "Some marked words.",
    }


def test_a_run_on_the_folder_of_a_workspace_reads_nothing_of_the_workspace(
    home, ankiforge
):
    ankiforge("init", "desk")
    prompts = home / "desk/prompts"
    assert any(prompts.glob("*.md"))
    (home / "desk/note.md").write_text("The ==heat== of it.\n", encoding="utf-8")
    # a folder of somebody who keeps notes on prompts
    (home / "desk/ideas/prompts").mkdir(parents=True)
    (home / "desk/ideas/prompts/ask.md").write_text("Ask ==twice==.\n", encoding="utf-8")

    ankiforge("-C", "desk", "run", "desk")

    _, out, _ = ankiforge("-C", "desk", "list", "--no-card", "--json")
    found = [json.loads(line)["document"]["title"] for line in out.splitlines()]
    _, out, _ = ankiforge("-C", "desk", "list", "--json")
    found += [json.loads(line)["title"] for line in out.splitlines()]
    assert set(found) == {"note", "ask"}
