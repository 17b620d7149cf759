"""`patch --apply` writes edits into notes: byte for byte, only if a note is as it was, and undo restores it."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from ankiforge.features.patch.work import build_patch_from_anki
from ankiforge.pipeline.workspace import Workspace

NOTE = "What does a ribosome do?::It makes proteins.\n"
LONG = "What does a ribosome do?::It makes long proteins.\n"
FORMS = {
    "LF": lambda text: text.encode(),
    "CR LF": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "no end": lambda text: f"# Größe\n\n{text}\n\n\tEnd without a line end".encode(),
    "mixed": lambda text: f"{text}\r\nA line\rof all three\n".encode(),
}
"""How a note may be written: line ends, the byte order mark, the end of the last line."""


class Vault:
    """A vault whose cards have edits, so that there is a patch of each note."""

    def __init__(self, forge, *names: str, form=FORMS["LF"]) -> None:
        self.forge = forge
        self.folder = forge.folder / "notes"
        (self.folder / ".obsidian").mkdir(parents=True)
        self.before, self.after = {}, {}
        for name in names:
            texts = [text.replace("ribosome", name) for text in (NOTE, LONG)]
            write = FORMS.get(name, form)
            self.before[f"{name}.md"], self.after[f"{name}.md"] = map(write, texts)
        for name, content in self.before.items():
            (self.folder / name).write_bytes(content)
        forge.settings("sources: [{obsidian: {name: notes, path: notes}}]")
        forge.ok("run")
        for card in forge.cards():
            forge.ok("edit", card["id"], "--field", "Back", "It makes long proteins.")

    @property
    def with_kept(self) -> dict[str, bytes]:
        """All notes as they are after the patch, with the old ones beside them."""
        kept = {f".{name}.ankiforge-old": old for name, old in self.before.items()}
        return {**self.after, **kept}

    def contents(self) -> dict[str, bytes]:
        files = [path for path in self.folder.iterdir() if not path.is_dir()]
        return {path.name: path.read_bytes() for path in files}


def test_notes_are_written_as_they_were_but_for_the_edits(forge):
    vault = Vault(forge, *FORMS)
    note = vault.folder / "LF.md"
    note.chmod(0o640)
    said = forge.ok("patch", "--apply", "--yes")
    assert "+What does a LF do?::It makes long proteins." in said.stdout
    assert "4 notes written; each old one stays beside it" in said.stderr
    assert vault.contents() == vault.with_kept
    assert stat.S_IMODE(note.stat().st_mode) == 0o640
    # it can be undone until the next run
    said = forge.ok("undo").stderr
    assert f"undone: patch {vault.folder / 'CR LF.md'}" in said
    assert vault.contents() == vault.before
    assert stat.S_IMODE(note.stat().st_mode) == 0o640
    forge.ok("patch", "--apply", "--yes")
    forge.ok("run", "--dry-run")
    assert vault.contents() == vault.with_kept
    assert forge.json("run")["changes"] == []
    assert vault.contents() == vault.after
    backs = {card["fields"]["Back"] for card in forge.cards()}
    assert backs == {"It makes long proteins."}
    assert forge.lists("questions") == [[]]
    assert "no edit in Anki to bring back" in forge.ok("patch", "--apply").stderr
    # what is undone then is the decision before, and only if the user says so
    said = forge("undo", code=2).stderr
    assert "the notes that patch --apply wrote can no longer be restored" in said
    assert "nothing was undone" in said
    assert "hint: ankiforge undo --yes" in said
    assert vault.contents() == vault.after
    assert "undone: edited" in forge.ok("undo", "--yes").stderr
    assert vault.contents() == vault.after


def change(note: Path) -> None:
    note.write_text("Another note.\n", "utf-8")


def link(note: Path) -> None:
    shutil.move(note, note.parents[1] / "elsewhere.md")
    note.symlink_to(note.parents[1] / "elsewhere.md")


def close(note: Path) -> None:
    """Something else is where the new note is written first."""
    (note.parent / f".{note.name}.ankiforge-new").mkdir()


FAILURES = {
    "changed": (change, "it has changed meanwhile, so it was left as it is"),
    "gone": (Path.unlink, "cannot be written: No such file or directory"),
    "link": (link, "it is a link, which is not replaced: patch its target yourself"),
    "closed": (close, "cannot be written: Is a directory"),
}


def test_notes_that_cannot_be_replaced_stay_and_the_others_are_written(forge):
    vault = Vault(forge, *FAILURES, "sound")
    with forge.here(), Workspace() as workspace:
        patch = build_patch_from_anki(workspace)
        for name, (spoil, _) in FAILURES.items():
            spoil(vault.folder / f"{name}.md")
        spoiled = vault.contents()
        contents = {file.disk_path: file.contents for file in patch.files}
        problems = workspace.replace_files(contents)
    reasons = {Path(each.location).stem: each.message for each in problems}
    assert reasons == {name: reason for name, (_, reason) in FAILURES.items()}
    names = ("sound.md", ".sound.md.ankiforge-old")
    assert vault.contents() == {
        **spoiled,
        **{name: vault.with_kept[name] for name in names},
    }
    assert f"undone: patch {vault.folder / 'sound.md'}\n" in forge.ok("undo").stderr
    assert vault.contents() == spoiled


def test_nothing_is_written_if_nobody_can_be_asked_or_the_note_is_not_utf_8(forge):
    vault = Vault(forge, "cell", "wide", form=lambda text: text.encode())
    said = forge("patch", "--apply", code=2).stderr
    assert "nothing was written" in said
    assert "ankiforge patch --apply --yes" in said
    assert vault.contents() == vault.before
    wide = vault.folder / "wide.md"
    wide.write_bytes(wide.read_text("utf-8").encode("utf-16"))
    forge.ok("run")
    before = vault.contents()
    said = forge.ok("patch", "--apply", "--yes").stderr
    assert "the note is not in UTF-8: save it as UTF-8, run, and patch again" in said
    assert vault.contents() == {
        **before,
        "cell.md": vault.after["cell.md"],
        ".cell.md.ankiforge-old": vault.before["cell.md"],
    }


def test_undo_leaves_a_note_that_was_edited_since_and_comes_after_later_decisions(forge):
    vault = Vault(forge, "cell", "other")
    forge.ok("patch", "--apply", "--yes")
    forge.ok("reject", forge.cards()[0]["id"])
    assert "undone: patch" not in forge.ok("undo").stderr
    assert vault.contents() == vault.with_kept
    change(vault.folder / "cell.md")
    said = forge("undo", code=1).stderr
    assert f"undone: patch {vault.folder / 'other.md'}" in said
    assert "cell.md: it has changed meanwhile, so it was left as it is" in said
    assert f"the old one is {vault.folder / '.cell.md.ankiforge-old'}" in said
    assert vault.contents() == {
        "cell.md": b"Another note.\n",
        ".cell.md.ankiforge-old": vault.before["cell.md"],
        "other.md": vault.before["other.md"],
    }


def end_after_replacing(source: Path, target: Path) -> None:
    os.rename(source, target)  # noqa: PTH104 - os.replace calls this one
    if target.suffix == ".md":
        os._exit(9)


@pytest.mark.parametrize(
    ("name", "end", "kept"),
    [
        ("fsync", lambda *_, **__: os._exit(9), "before"),
        ("utime", lambda *_, **__: os._exit(9), "before"),
        ("replace", end_after_replacing, "after"),
    ],
)
def test_a_killed_apply_leaves_the_old_note_or_the_new_one(forge, name, end, kept):
    vault = Vault(forge, "cell")
    if not (child := os.fork()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, name, end)
            forge("patch", "--apply", "--yes")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert vault.contents()["cell.md"] == getattr(vault, kept)["cell.md"]
    assert "undone: patch" in forge.ok("undo").stderr
    assert vault.contents()["cell.md"] == vault.before["cell.md"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs rights of Unix")
def test_a_folder_or_note_without_rights_and_a_full_disk_leave_all_as_it_is(forge):
    lines = "a line\n" * 50_000
    vault = Vault(forge, "cell", form=lambda text: f"{text}\n```\n{lines}```\n".encode())
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("needs setpriv")
        before = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    apply = ("patch", "--apply", "--yes")
    for path, mode in ((vault.folder, 0o555), (vault.folder / "cell.md", 0o444)):
        old_mode = path.stat().st_mode
        path.chmod(mode)
        try:
            refused = forge.finished(*apply, before=before)
        finally:
            path.chmod(old_mode)
        assert "cannot be written" in refused.stderr
        assert refused.exit_code == 1
        assert vault.contents() == vault.before
    if not shutil.which("prlimit"):
        pytest.skip("needs prlimit")
    limit = ("prlimit", f"--fsize={len(vault.before['cell.md'])}")
    full = forge.finished(*apply, before=limit)
    assert "cannot be written: File too large" in full.stderr
    assert vault.contents() == vault.before
