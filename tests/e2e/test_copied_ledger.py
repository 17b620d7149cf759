"""A ledger belongs to one place on one computer; a copy is noticed."""

import shutil


def _workspace(forge, name):
    folder = forge.folder / name
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "A.md").write_text("Katze:::cat\n", encoding="utf-8")
    (folder / "ankiforge.yaml").write_text(
        "sources:\n  - obsidian: {name: notes, path: notes}\nanki: {collection: none}\n",
        encoding="utf-8",
    )
    return folder


def test_a_copy_beside_the_original_is_not_written_to(forge):
    first = _workspace(forge, "first")
    forge.ok("run", "-C", first)
    second = forge.folder / "second"
    shutil.copytree(first, second)

    refused = forge("run", "-C", second, code=4)

    assert "is a copy of" in refused.stderr
    assert "--take-over" in refused.stderr
    assert len(forge.ok("list", "-C", second, "--json").lines) == 1
    assert forge("doctor", "-C", second).exit_code == 4
    forge.ok("run", "-C", first)


def test_a_copy_that_was_taken_over_goes_on(forge):
    first = _workspace(forge, "first")
    forge.ok("run", "-C", first)
    second = forge.folder / "second"
    shutil.copytree(first, second)

    assert forge("doctor", "--take-over", "-C", second).exit_code == 0
    forge.ok("run", "-C", second)
    forge.ok("run", "-C", first)


def test_a_moved_workspace_is_no_copy(forge):
    first = _workspace(forge, "first")
    forge.ok("run", "-C", first)
    first.rename(forge.folder / "second")
    forge.ok("run", "-C", forge.folder / "second")


def test_another_computers_ledger_is_noticed(forge, forge_in, tmp_path):
    first = _workspace(forge, "first")
    forge.ok("run", "-C", first)
    other = forge_in(tmp_path / "other")
    other.ok("run", "-C", _workspace(other, "own"))
    shutil.copytree(first, other.folder / "carried")

    refused = other("run", "-C", other.folder / "carried", code=4)

    assert "another computer" in refused.stderr


def test_a_lost_home_does_not_lock_a_person_out(forge):
    first = _workspace(forge, "first")
    forge.ok("run", "-C", first)
    for path in forge.home.glob("*.json"):
        path.unlink()
    forge.ok("run", "-C", first)
