"""A PATH given to `run` is a source from then on: `run`, `watch`, `init` go on with it."""

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf

FIRST = "Working memory holds about ==four chunks== at a time.\n"
MORE = "\nThe ==hippocampus== binds the parts of an experience.\n"
ROC = "The receiver operating characteristic (ROC) plots two rates against one another."
EM = "Expectation maximization (EM) alternates between two steps until nothing changes."
DNN = "A deep neural network (DNN) has several layers between its input and its output."


def hides(words: str) -> str:
    """The comment that makes a cloze of one of our passages."""
    return f"c: {words.split()[1]}" if words in (ROC, EM, DNN) else ""


def pdf(path: Path, *marked: str) -> Path:
    """A paper of three pages in which these passages are marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [
        Page(
            [paragraph(words)],
            [mark(words, comment=hides(words))] if words in marked else [],
        )
        for words in (ROC, EM, DNN)
    ]
    write_pdf(path, pages, title="Curves")
    return path


def annotations(path: Path, *passages: str, start: int = 0) -> Path:
    rows = [
        {
            "id": f"id{number}", "uri": "https://x.org/p", "user": "acct:ada@hypothes.is",
            "created": "2024-01-01T00:00:00Z", "updated": "2024-01-01T00:00:00Z",
            "document": {"title": ["Page"]},
            "text": hides(words), "target": [{"source": "https://x.org/p", "selector": [
                {"type": "TextQuoteSelector", "exact": words},
            ]}],
        }
        for number, words in enumerate(passages, start)
    ]  # fmt: skip
    path.write_text(json.dumps({"rows": rows, "total": len(rows)}), "utf-8")
    return path


def guids(forge: Any, *arguments: str | Path) -> list[str]:
    return sorted(
        card["guid"] for card in forge.ok(*arguments, "list", "--all", "--json").lines
    )


@pytest.fixture
def v(tmp_path: Path) -> Path:
    """A folder of notes, without `.obsidian`."""
    folder = tmp_path / "v"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text(FIRST, "utf-8")
    (folder / "sub" / "b.md").write_text("What is a stem?::A thing between.\n", "utf-8")
    return folder


# --- the second day ---------------------------------------------------------------------------


def vault_source(folder: Path, *, more: bool = False) -> Path:
    (folder / "vault" / ".obsidian").mkdir(parents=True, exist_ok=True)
    (folder / "vault" / "a.md").write_text(FIRST + (MORE if more else ""), "utf-8")
    return folder / "vault"


def paper_source(folder: Path, *, more: bool = False) -> Path:
    return pdf(folder / "papers" / "one.pdf", *([ROC, EM] if more else [ROC]))


def export_source(folder: Path, *, more: bool = False) -> Path:
    return annotations(folder / "export.json", *([ROC, EM] if more else [ROC]))


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("source", [vault_source, paper_source, export_source])
def test_the_second_day_works(forge, tmp_path, source):
    path = source(tmp_path)
    assert forge.ok("run", path).stdout.count("Added to your sources: ") == 1
    assert "Added" not in forge.ok("run", path).stdout
    before = guids(forge)

    source(tmp_path, more=True)
    assert forge.json("run")["highlights"]["new"] == 1
    after = guids(forge)
    assert len(after) == len(before) + 1
    assert set(before) < set(after)

    forge.ok("init", tmp_path / "w")
    again = forge.ok("-C", tmp_path / "w", "run", "--json")
    assert again.data["highlights"] == {
        "seen": 2, "new": 0, "changed": 0, "gone": 0, "unchanged": 2,
    }  # fmt: skip
    assert guids(forge, "-C", tmp_path / "w") == after
    assert guids(forge) == after  # the first workspace is the registered one


def test_a_workspace_written_by_hand_takes_over_what_was_remembered(forge, v, tmp_path):
    forge.ok("run", v)
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "ankiforge.yaml").write_text("anki: {collection: none}\n", "utf-8")
    forge.ok("init", "--trust", tmp_path / "w")
    assert (
        forge.ok("-C", tmp_path / "w", "run", "--json").data["highlights"]["unchanged"]
        == 2
    )


# --- within and around --------------------------------------------------------------------------


@pytest.mark.parametrize("is_vault", [False, True])
def test_a_folder_within_and_around_doubles_nothing_and_nothing_is_gone(
    forge, v, no_waiting, is_vault
):
    if is_vault:
        (v / ".obsidian").mkdir()
    pdf(v / "sub" / "one.pdf", ROC)
    forge.ok("run", v / "sub")
    forge.ok("run", v)
    told = forge.ok("run", v / "a.md").stderr
    assert "remembered" not in told  # a part of what is
    for _ in range(3):
        found = forge.json("run")["highlights"]
        assert (found["seen"], found["new"], found["gone"]) == (3, 0, 0)
    assert len(forge.cards()) == 3
    assert not forge.cards("finding:source_gone")


def test_beside_a_configured_source_a_path_becomes_another_and_within_it_none(
    forge, v, tmp_path
):
    settings = (
        f"sources:\n- obsidian: {{name: s, path: {v}}}\nanki: {{collection: none}}\n"
    )
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    assert "remembered" not in forge.ok("run", v / "a.md").stderr
    assert forge.json("run")["highlights"]["seen"] == 2
    forge.ok("run", pdf(tmp_path / "papers" / "one.pdf", ROC))
    assert forge.json("run")["highlights"]["seen"] == 3
    assert "remembered by run" in forge.ok("doctor").stdout


def test_a_copy_of_a_workspace_needs_trust(forge, v, tmp_path):
    forge.settings("anki: {collection: none}\n")
    forge.ok("run", v)
    shutil.copytree(forge.folder, tmp_path / "theirs")
    told = forge("-C", tmp_path / "theirs", "run", code=2).stderr
    assert "is new to ankiforge" in told


# --- not remembered -----------------------------------------------------------------------------


def test_a_dry_run_remembers_nothing(forge, v):
    assert "remembered" not in forge.ok("run", v, "--dry-run").stderr
    assert "nothing to read" in forge("run", code=2).stderr


@pytest.mark.usefixtures("takes_marks")
def test_what_is_remembered_outlives_the_ledger_and_a_move_until_it_is_forgotten(
    forge, v
):
    forge.ok("run", v)
    before = guids(forge)
    (forge.home / ".ankiforge" / "ledger.db").unlink()
    forge.ok("run")
    assert guids(forge) == before
    forge.ok("run", moved := v.rename(v.with_name("moved")))
    forge.ok("run")
    assert guids(forge) == before
    remembered = forge.home / ".ankiforge" / "sources.yaml"
    assert str(moved) in remembered.read_text("utf-8")
    remembered.write_text("[]\n", "utf-8")
    forge.ok("run")  # there are cards, so it still looks at Anki
    assert guids(forge) == before
    assert len(forge.cards("verdict:accepted")) == 2


# --- what is not there --------------------------------------------------------------------------


def test_an_unmounted_vault_is_told_and_nothing_counts_as_deleted(forge, v, no_waiting):
    forge.ok("run", v)
    away = v.rename(v.with_name("away"))
    for _ in range(3):
        told = forge.ok("run")
        assert told.stderr.count(f"note: {v}: ") == 1
        assert "if it moved: ankiforge run" in told.stderr
        assert "what counts as a highlight" not in told.stdout
    assert not forge.cards("finding:source_gone")
    away.rename(v)
    found = forge.json("run")["highlights"]
    assert (found["seen"], found["new"]) == (2, 0)


def vaults_of_links(forge: Any) -> set[str]:
    """The vaults that the links of the cards in the package open."""
    with zipfile.ZipFile(forge.folder / "ankiforge.apkg") as package:
        notes = package.read("collection.anki2").decode("utf-8", "replace")
    return set(re.findall(r"obsidian://open\?vault=(\w+)", notes))


@pytest.mark.usefixtures("takes_marks")
def test_the_links_of_a_vault_that_was_renamed_follow(forge, tmp_path):
    vault = vault_source(tmp_path)
    forge.ok("run", vault)
    before = guids(forge)
    renamed = vault.rename(vault.with_name("library"))
    told = forge.ok("run", renamed).stderr
    assert f"note: {vault}: it moved" in told
    assert vaults_of_links(forge) == {"library"}
    assert guids(forge) == before
    assert str(vault) not in forge.ok("run").stderr, "it is remembered no longer"


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("by", ["it is gone", "forgotten"])
def test_the_links_of_a_vault_follow_to_its_copy_once_the_old_one_is_gone(
    forge, tmp_path, by
):
    vault = vault_source(tmp_path)
    (vault / "b.md").write_text("What is a leaf?::A flat thing.\n", "utf-8")
    forge.ok("run", vault)
    before = guids(forge)
    copy = Path(shutil.copytree(vault, vault.with_name("library")))
    forge.ok("run", copy)
    forge.ok("build")
    assert vaults_of_links(forge) == {"vault"}

    if by == "forgotten":
        forge.ok("forget", vault)
    else:
        shutil.rmtree(vault)
    told = forge.ok("run").stderr
    assert ("it moved" in told) == (by == "it is gone")
    assert vaults_of_links(forge) == {"library"}
    assert guids(forge) == before
    assert str(vault) not in forge.ok("run").stderr
    (copy / "b.md").write_text("What is a leaf?::A green thing.\n", "utf-8")
    forge.ok("run")
    assert guids(forge) == before, "the cards are those of the copy from now on"
    assert "A green thing." in str(forge.cards())


def test_a_vault_that_is_gone_has_not_moved_if_its_copy_lacks_a_card(forge, tmp_path):
    vault = vault_source(tmp_path)
    (vault / "b.md").write_text("What is a leaf?::A flat thing.\n", "utf-8")
    forge.ok("run", vault)
    copy = Path(shutil.copytree(vault, vault.with_name("library")))
    (copy / "b.md").write_text("What is a stem?::A thing between.\n", "utf-8")
    forge.ok("run", copy)
    shutil.rmtree(vault)
    for _ in range(2):
        assert "this remembered source is missing" in forge.ok("run").stderr
    assert not forge.cards("finding:source_gone")


# --- what is asked ------------------------------------------------------------------------------


def long_passages(count: int) -> list[str]:
    return [
        f"Passage {n} tells at some length how the matter of part {n} was seen."
        for n in range(count)
    ]


def test_an_export_asks_twenty_passages_and_tells_the_way_to_the_next(forge, tmp_path):
    forge.ok("run", annotations(tmp_path / "many.json", *long_passages(43)))
    told = forge.ok("draft", "export", "ask.md").stderr
    assert "ask.md asks about 20 highlights" in told
    assert "23 highlights left" in told
    assert told.endswith("\n  next  ankiforge draft import ANSWER.md\n")
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert sum(words in asked for words in long_passages(43)) == 20
    forge.ok("draft", "export", "again.md")  # the first may have been lost
    assert (forge.folder / "again.md").read_text("utf-8") == asked
    assert forge.ok("draft", "export", "-").stdout == asked + "\n"
    [told] = forge.ok("draft", "export", "-", "--json").lines
    assert told == {"text": asked, "highlights": 20, "left": 23}
    several = forge("draft", "export", "-", "--limit", "43", code=2).stderr
    assert "3 prompts" in several
    assert not (forge.folder / "-").exists()
    assert (
        "43 highlights" in forge.ok("draft", "export", "all.md", "--limit", "100").stderr
    )


def test_passages_of_a_source_with_another_name_now_are_not_asked_twice(forge, tmp_path):
    words = long_passages(3)
    export = annotations(tmp_path / "gardener.json", *words)
    forge.ok("run", export)
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "ankiforge.yaml").write_text(
        f"sources:\n- hypothesis: {{name: hypo, path: {export}}}\nanki: {{collection: none}}\n"
    )
    forge.ok("init", "--trust", tmp_path / "w")
    forge.ok("run")
    assert (
        "ask.md asks about 3 highlights" in forge.ok("draft", "export", "ask.md").stderr
    )
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert [asked.count(one) for one in words] == [1, 1, 1]


def readwise(path: Path, *passages: str) -> Path:
    """An export of highlights of one book; each passage asks its reader's own question."""
    rows = ["Highlight,Book Title,Note,Location Type,Location"]
    for number, words in enumerate(passages, 1):
        rows.append(f"{words},Statistics,{hides(words)},order,{number}")
    path.write_text("\n".join(rows), "utf-8")
    return path


def test_a_second_export_of_an_account_leaves_the_drafts_of_the_first_waiting(forge):
    first = readwise(forge.folder / "first.csv", ROC, EM)
    second = readwise(forge.folder / "second.csv", DNN)
    forge.ok("run", first, "--accept", "review")
    before = [card["id"] for card in forge.cards()]
    assert len(before) == 2

    told = forge.json("run", second, "--accept", "review")

    assert (told["highlights"]["seen"], told["highlights"]["new"]) == (3, 1)
    assert forge.json("status")["highlights"]["total"] == 3
    assert set(before) < {card["id"] for card in forge.ok("list", "--json").lines}
    unchanged = forge.json("run")
    assert (unchanged["highlights"]["seen"], unchanged["highlights"]["new"]) == (3, 0)
    # what `extract` shows is in the named file alone
    shown = forge.ok("run", "--dry-run", "-v", second, "--json").lines
    assert [line["exact"] for line in shown if "exact" in line] == [DNN]
