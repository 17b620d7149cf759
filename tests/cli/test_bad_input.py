"""What goes wrong is named, with what to do; what can be done is done; the exit code says which."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ankiforge.cli import main
from ankiforge.config import workspace as folders
from ankiforge.ledger import database as ledger_database
from tests.limits import PATIENCE

FIELDS = "deck document source tag colour kind verdict anki finding drafter key"


@pytest.fixture
def notes(vault: Path) -> Path:
    (vault / "good.md").write_text("Katze:::cat\n", encoding="utf-8")
    return vault


@pytest.fixture
def workspace(forge) -> Callable[[str], Path]:
    """Writes `ankiforge.yaml` where the program is called."""

    def write(text: str) -> Path:
        path = forge.folder / "ankiforge.yaml"
        path.write_text(text, encoding="utf-8")
        forge.trust(forge.folder)
        return path

    return write


def says(result, code: int, *words: str) -> None:
    """It ended with this code, named these words, and showed no traceback."""
    assert result.exit_code == code, result
    for word in words:
        assert word in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


# --- wrong usage ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "call", "words"),
    [
        ({}, "run nowhere.pdf", "nowhere.pdf hint:"),
        ({"empty/": ""}, "run empty", "empty hint:"),
        ({"notes.docx": "PK"}, "run notes.docx", "notes.docx PDF"),
        ({}, "run", "ankiforge run|PATH"),
        (
            {"ankiforge.yaml": "output: .\n\ndraftr: x"},
            "run",
            "ankiforge.yaml:3 draftr 'drafter'?",
        ),
        ({"ankiforge.yaml": "sources: [\n"}, "run", "ankiforge.yaml"),
        ({}, "run good -o no/such/folder/a.apkg", "no|such|folder"),
        ({"ankiforge.apkg/": ""}, "run good", "is|a|folder"),
        ({}, "rnu", "did|you|mean|ankiforge|run?"),
        ({}, "run --drafter gpt", ""),
        ({}, "run --limt 3", ""),
        ({}, "run --limit -3", ""),
        ({}, "list --nope", ""),
        ({}, "accept", ""),
        ({}, "accept afaaaaaa --all", ""),
        ({}, "reject --filter x", ""),
        ({}, "-C /nowhere list", ""),
        ({}, "list dekc:x", f"dekc {FIELDS}"),
        ({}, "reject --all --filter dekc:x", f"dekc {FIELDS}"),
    ],
)
def test_wrong_usage_is_2_and_says_what_is_wrong(forge, notes, files, call, words):
    for name, text in files.items():
        path = forge.folder / name
        path.mkdir() if name.endswith("/") else path.write_text(text, "utf-8")
    arguments = [notes if word == "good" else word for word in call.split()]

    says(forge(*arguments), 2, *(word.replace("|", " ") for word in words.split()))


def test_a_home_that_cannot_be_made_is_wrong_usage(forge, notes):
    forge.home.write_text("a file", encoding="utf-8")
    says(forge("run", notes), 2, str(forge.home))


# --- paths ----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder in use")
def test_a_current_folder_that_was_deleted_is_wrong_usage(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for words in (["status"], ["run", "a.md"], ["doctor"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "the current folder was deleted\nhint: " in capsys.readouterr().err


def test_one_path_of_several_being_absent_leaves_the_others_done(forge, notes):
    result = forge("run", notes, "nowhere.pdf")

    says(result, 1, "nowhere.pdf")
    assert (forge.folder / "ankiforge.apkg").exists()
    assert len(forge.cards()) == 1


def test_a_vault_without_a_mark_is_done_and_says_what_would_count(forge, vault):
    (vault / "plain.md").write_text("Nothing is marked here.\n", encoding="utf-8")
    result = forge.ok("run", vault)

    assert "no highlights found" in result.stdout
    assert "==" in result.stdout
    assert not (forge.folder / "ankiforge.apkg").exists()


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        "Größe:::size\n".encode("latin-1"),
        b"\xff\xfe\x00\xd8 a::b\n",
        b"\x00\x01\x02 x::y\n",
    ],
    ids=["latin-1", "half utf-16", "binary"],
)
def test_a_note_in_another_encoding_never_stops_the_others(forge, notes, raw):
    (notes / "odd.md").write_bytes(raw)
    result = forge("run", notes)

    assert result.exit_code in (0, 1)
    assert "Traceback" not in result.stderr
    assert result.exit_code == 0 or "odd.md" in result.stderr
    assert "Katze" in str(forge.cards())


def test_a_card_that_anki_would_not_take_costs_one_card(forge, notes, notes_in):
    (notes / "odd.md").write_text(
        "A {{c1::}} cloze of nothing.\n\nx::y z\n", encoding="utf-8"
    )
    forge("run", notes)
    for card in forge.cards("verdict:waiting"):
        forge.ok("accept", "--force", card["id"])
    forge.ok("edit", "--force", forge.cards("Katze")[0]["id"], "--field", "Front", "---")
    result = forge("build")

    fault = "Front, the first field of ankiforge Basic, is empty"
    says(result, 1, forge.cards("cat")[0]["guid"], fault, "edit or reject")
    assert notes_in(forge.folder / "ankiforge.apkg")
    assert forge.cards("cat")[0]["guid"] not in notes_in(forge.folder / "ankiforge.apkg")


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "obsidian: {path: notes, marsk: [==]}",
            ("ankiforge.yaml:2", "marsk", "did you mean 'marks'?"),
        ),
        (
            "obsidian: {path: notes, marks: [bolt]}",
            (
                "ankiforge.yaml:2: sources[0].obsidian.marks[0]: 'bolt'",
                "did you mean 'bold'?",
            ),
        ),
        (
            "obsidian:\n    path: notes\n    cards: [block,\n      inlnie]",
            ("ankiforge.yaml:5: sources[0].obsidian.cards[1]", "did you mean 'inline'?"),
        ),
        (
            "zotero:\n    path: notes\n    api: wbe",
            ("ankiforge.yaml:4: sources[0].zotero.api: 'wbe'", "did you mean 'web'?"),
        ),
        (
            "zotero: {name: z, library: 123}",
            ("ankiforge.yaml:2: sources[0].zotero: path is missing", "or an `api`"),
        ),
        (
            "zotero: {name: z, api: local, library: [no]}",
            ("ankiforge.yaml:2: sources[0].zotero.library",),
        ),
    ],
)
def test_a_value_a_source_does_not_know_is_told_with_its_line_and_the_right_word(
    forge, workspace, notes, source, words
):
    workspace(f"sources:\n- {source.replace('path: notes', f'path: {notes}')}\n")
    forge("init", "--trust", forge.folder)

    for command in ("run", "status"):
        says(forge(command), 2, *words)


def test_a_workspace_of_a_stranger_must_be_trusted_first(forge, workspace, notes):
    workspace(
        f"sources:\n  - obsidian: {{name: notes, path: {notes}}}\nanki: {{collection: none}}\n"
    )

    (forge.home / "trusted.json").unlink()
    says(forge("run"), 2, str(forge.folder), "is new to ankiforge", "init --trust")
    assert not (forge.folder / ".ankiforge").exists()
    forge.ok("init", "--trust", forge.folder)
    assert forge.json("run")["state"]["highlights"]["with_card"] == 1


# --- services -------------------------------------------------------------------------------


def test_a_model_out_of_reach_is_3_and_what_needs_none_is_packaged(
    forge, workspace, notes, notes_in, no_retries
):
    workspace("llm: {base_url: http://127.0.0.1:9/v1, model: m}\n")
    (notes / "mark.md").write_text(
        "All cells of a body divide by {{c1::mitosis}}.\n\n==All of it is marked.==\n"
    )
    result = forge("run", notes, "--drafter", "llm")

    says(result, 3, "127.0.0.1:9", "hint:")
    assert len(notes_in(forge.folder / "ankiforge.apkg")) == 2


# --- the ledger -----------------------------------------------------------------------------

HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
HOLD_PASS = """
import sys
from pathlib import Path
from ankiforge.config.files import lock_file
with lock_file(Path(sys.argv[1]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(script: str, path: Path) -> Iterator[None]:
    """Another process holds it as long as this lasts."""
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.communicate(timeout=PATIENCE)


def test_a_ledger_locked_by_another_program_is_4(forge, notes, monkeypatch):
    monkeypatch.setattr(ledger_database, "BUSY_TIMEOUT", 0.1)
    forge.ok("run", notes)
    guid = forge.cards()[0]["guid"]
    with held(HOLD, forge.home / ".ankiforge" / "ledger.db"):
        says(forge("run", notes), 4, "another ankiforge is writing", "hint:")
        says(forge("reject", guid), 4, "another ankiforge is writing")
        assert forge.cards()[0]["verdict"] == "accepted", "looking is still possible"
    forge.ok("run", notes)


@pytest.mark.parametrize("what", ["drafting", "publishing"])
def test_a_pass_that_another_program_is_at_is_waited_for_then_4(
    forge, notes, monkeypatch, what
):
    monkeypatch.setattr(folders, "LOCK_TIMEOUT", 0.1)
    forge.ok("run", notes)
    with held(HOLD_PASS, forge.home / ".ankiforge" / f"{what}.lock"):
        says(forge("run", notes), 4, what, "hint:")


@pytest.mark.parametrize(
    "raw", [b"rubbish " * 2000, b"SQLite format 3\x00" + b"\xee" * 9000]
)
def test_a_damaged_database_is_made_anew_from_the_journal(forge, notes, raw):
    forge.ok("run", notes)
    forge.ok("reject", forge.cards()[0]["id"])
    before = forge.cards()
    (forge.home / ".ankiforge" / "ledger.db").write_bytes(raw)

    says(forge("list"), 4, "damaged", "delete")
    forge.ok("run", notes)
    assert forge.cards() == before


# --- output ---------------------------------------------------------------------------------


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs a folder closed to all"
)
def test_a_folder_that_takes_no_files_costs_no_card(forge, notes):
    says(
        forge("run", notes, "-o", "/proc/a.apkg"),
        1,
        "/proc",
        "cannot be written",
        "choose another path",
    )
    assert forge.json("run", notes)["state"]["highlights"]["with_card"] == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
@pytest.mark.parametrize("blocks", [1, pytest.param(64, marks=pytest.mark.slow)])
def test_a_full_disk_is_4_and_nothing_is_decided(forge, notes, blocks):
    (notes / "more.md").write_text("".join(f"Number {n}?::{n}\n\n" for n in range(99)))
    forge.ok("run", notes)
    guid = forge.cards()[0]["guid"]
    limited = f'ulimit -f {blocks}; PYTHONDONTWRITEBYTECODE=1 exec "$@"'  # half a .pyc would stay
    full = ("sh", "-c", limited, "sh")

    says(forge.finished("reject", guid, before=full), 4, "hint:")
    assert forge.cards()[0]["verdict"] == "accepted"
    forge.ok("reject", guid)


def test_a_journal_that_is_no_file_is_4(forge, notes):
    forge.ok("run", notes)
    [journal] = (forge.home / "journal").glob("*.jsonl")
    journal.unlink()
    journal.mkdir()

    says(forge("run", notes), 4, journal.name, "hint:")


# --- words ----------------------------------------------------------------------------------


def test_an_unknown_id_is_wrong_usage(forge, notes):
    forge.ok("run", notes)
    for word in ("afzzzzzz", "hello", "af", "af\u0000", "'; DROP TABLE card; --"):
        for command in ("accept", "reject", "edit"):
            says(forge(command, word), 2, "hint:")


def test_an_id_that_begins_several_cards_is_wrong_usage(forge, vault):
    for n in (128, 391):  # found by trying: their ids begin with the same six characters
        text = f"What is fact {n}?::Answer {n}\n"
        (vault / f"{n}.md").write_text(text, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    [beginning] = {card["id"][:6] for card in forge.cards()}
    says(forge("list", "-v", beginning), 2, "2 ids begin with")


def test_a_refused_decision_is_1_and_says_why(forge, notes):
    forge.ok("run", notes)
    guid = forge.cards()[0]["guid"]
    forge.ok("reject", guid)

    says(forge("accept", guid), 1, "rejected", f"ankiforge undo {guid[:10]}")


# --- stopping -------------------------------------------------------------------------------


def test_ctrl_c_ends_with_130_and_nothing_is_lost(forge, vault):
    for number in range(150):
        text = f"What is number {number}?::The answer {number}\n"
        (vault / f"{number}.md").write_text(text, encoding="utf-8")
    process = forge.started("run", vault)
    journal = forge.home / "journal"
    while not journal.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)

    # 130 in a shell, too: Python ends by the signal if that came while it defined a dataclass
    assert process.returncode in (130, -signal.SIGINT), err
    assert "nothing is lost" in err
    assert "Traceback" not in err
    assert forge.json("run", vault)["state"]["highlights"]["with_card"] == 150


USED = " -h shows how it is used"


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("list --vew new", "list: there is no option --vew", "did you mean --view?"),
        ("run --jbs 3", "run: there is no option --jbs", "did you mean --jobs?"),
        ("search --limt 3 x", "search: there is no option --limt", "did you mean --limit?"),
        ("review --port 3", "review: there is no option --port", "ankiforge review -h lists its options"),
        ("edit", "edit: missing argument 'ID'", f"ankiforge edit{USED}"),
        ("accept --gap 9 x", "accept: invalid value for '--gap': 9 is not in the range 1<=x<=4",
         f"ankiforge accept{USED}"),
        ("draft export a.md notes", "notes: a document is named with --from",
         "ankiforge draft export a.md --from notes"),
        ("model usr", "there is no command ankiforge model usr",
         "did you mean ankiforge model use?"),
    ],
)  # fmt: skip
def test_wrong_words_are_named_where_they_stand_with_what_to_do(
    forge,
    typed,
    message,
    hint,
):
    result = forge(*typed.split())
    assert result.exit_code == 2
    said, advice = result.stderr.splitlines()
    assert said.removeprefix("ankiforge").lstrip(": ") == message
    assert advice == f"hint: {hint}"
