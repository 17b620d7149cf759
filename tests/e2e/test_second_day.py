"""A PATH given to `run` is a source from then on: `run`, `watch`, `init` go on with it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from samples.pdf_writer import Page, mark, paragraph, write_pdf

FIRST = "Working memory holds about ==four chunks== at a time.\n"
MORE = "\nThe ==hippocampus== binds the parts of an experience.\n"
ROC = "The receiver operating characteristic (ROC) plots two rates against one another."
EM = "Expectation maximization (EM) alternates between two steps until nothing changes."
DNN = "A deep neural network (DNN) has several layers between its input and its output."


def pdf(path: Path, *marked: str) -> Path:
    """A paper of three pages in which these passages are marked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [
        Page([paragraph(words)], [mark(words)] if words in marked else [])
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
            "target": [{"source": "https://x.org/p", "selector": [
                {"type": "TextQuoteSelector", "exact": words},
            ]}],
        }
        for number, words in enumerate(passages, start)
    ]  # fmt: skip
    path.write_text(json.dumps({"rows": rows, "total": len(rows)}), "utf-8")
    return path


def guids(forge: Any, *arguments: str | Path) -> list[str]:
    return sorted(card["guid"] for card in forge.ok(*arguments, "list", "--all", "--json").lines)


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


def notes_source(folder: Path, *, more: bool = False) -> Path:
    return vault_source(folder, more=more) / "a.md"


def papers_source(folder: Path, *, more: bool = False) -> Path:
    pdf(folder / "papers" / "one.pdf", *([ROC, EM] if more else [ROC]))
    return folder / "papers"


def paper_source(folder: Path, *, more: bool = False) -> Path:
    return papers_source(folder, more=more) / "one.pdf"


def export_source(folder: Path, *, more: bool = False) -> Path:
    return annotations(folder / "export.json", *([ROC, EM] if more else [ROC]))


def remembered(forge) -> list[tuple[str, str]]:
    """Each remembered PATH, with its line in the list."""
    file = forge.home / ".ankiforge" / "sources.yaml"
    lines = [one for one in file.read_text("utf-8").splitlines() if one.startswith("- ")]
    return [(json.loads(one[2:])["path"], one) for one in lines]


def remember(forge, *lines: str) -> None:
    """Leave only these lines in the list."""
    file = forge.home / ".ankiforge" / "sources.yaml"
    file.write_text("".join(f"{one}\n" for one in lines), "utf-8")


@pytest.mark.parametrize(
    "source", [vault_source, notes_source, papers_source, paper_source, export_source]
)
def test_the_second_day_works(forge, tmp_path, source):
    path = source(tmp_path)
    told = forge.ok("run", path).stderr
    assert told.count("is remembered as the source") == 1
    assert "remembered" not in forge.ok("run", path).stderr
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


def test_a_decision_goes_along_with_the_first_init(forge, v, tmp_path):
    forge.ok("run", v)
    forge.ok("reject", forge.cards("stem")[0]["guid"])
    forge.ok("init", tmp_path / "w")
    forge.ok("-C", tmp_path / "w", "run")
    [card] = forge.ok("-C", tmp_path / "w", "list", "--all", "--json", "stem").lines
    assert card["verdict"] == "rejected"


def test_init_writes_the_sources_under_the_names_of_their_keys(forge, v, tmp_path):
    forge.ok("run", v)
    forge.ok("run", pdf(tmp_path / "papers" / "one.pdf", ROC).parent)
    note = notes_source(tmp_path)
    forge.ok("run", note)
    before = guids(forge)
    forge.ok("init", tmp_path / "w")
    settings = (tmp_path / "w" / "ankiforge.yaml").read_text("utf-8")
    assert f"  - obsidian:\n      name: v\n      path: {v}\n" in settings
    assert f"  - pdf:\n      name: papers\n      path: {tmp_path / 'papers'}\n" in settings
    assert "name: vault" in settings
    found = forge.ok("-C", tmp_path / "w", "run", "--json").data["highlights"]
    assert (found["unchanged"], found["new"]) == (4, 0)
    assert forge.ok("-C", tmp_path / "w", "doctor").exit_code == 0
    assert guids(forge, "-C", tmp_path / "w") == before


def test_a_workspace_written_by_hand_takes_over_what_was_remembered(forge, v, tmp_path):
    forge.ok("run", v)
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "ankiforge.yaml").write_text("anki: {collection: none}\n", "utf-8")
    forge.ok("init", tmp_path / "w")
    assert forge.ok("-C", tmp_path / "w", "run", "--json").data["highlights"]["unchanged"] == 2


def test_a_second_workspace_reads_the_same_sources_under_the_same_names(forge, v, tmp_path):
    forge.ok("init", tmp_path / "first")
    forge.ok("run", v)
    before = guids(forge)
    told = forge.ok("init", tmp_path / "w").stderr
    assert f"stay in {tmp_path / 'first'}" in told
    forge.ok("-C", tmp_path / "w", "run")
    assert guids(forge, "-C", tmp_path / "w") == before


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
    assert [path for path, _ in remembered(forge)] == [str(v)]


def test_beside_a_configured_source_a_path_becomes_another_and_within_it_none(forge, v, tmp_path):
    settings = f"sources:\n- obsidian: {{name: s, path: {v}}}\nanki: {{collection: none}}\n"
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    assert "remembered" not in forge.ok("run", v / "a.md").stderr
    assert forge.json("run")["highlights"]["seen"] == 2
    forge.ok("run", pdf(tmp_path / "papers" / "one.pdf", ROC))
    assert forge.json("run")["highlights"]["seen"] == 3
    assert "remembered by run" in forge.ok("doctor").stdout


def test_a_remembered_path_that_came_with_a_folder_needs_trust(forge, v, tmp_path):
    forge.settings("anki: {collection: none}\n")
    forge.ok("run", v)
    shutil.copytree(forge.folder, tmp_path / "theirs")
    told = forge("-C", tmp_path / "theirs", "run", code=2).stderr
    assert f"{v} would be read" in told


# --- not remembered -----------------------------------------------------------------------------


def test_a_dry_run_remembers_nothing(forge, v):
    assert "remembered" not in forge.ok("run", v, "--dry-run").stderr
    assert "nothing to read" in forge("run", code=2).stderr


def test_what_is_remembered_outlives_the_ledger_and_a_move_until_it_is_forgotten(forge, v):
    forge.ok("run", v)
    before = guids(forge)
    (forge.home / ".ankiforge" / "ledger.db").unlink()
    forge.ok("run")
    assert guids(forge) == before
    moved = v.rename(v.with_name("moved"))
    [(path, line)] = remembered(forge)
    assert path == str(v)
    remember(forge, line.replace(f'"{v}"', f'"{moved}"'))
    told = forge.ok("run").stderr
    assert f"{moved} was {v} before; it keeps the name" in told
    assert "note:" not in forge.ok("run").stderr
    assert guids(forge) == before
    assert str(moved) in forge.ok("status").stdout
    remember(forge)
    assert f"ankiforge run {moved}" in forge("run", code=2).stderr
    assert len(forge.cards("verdict:accepted standing:live")) == 2
    assert "nothing to watch" in forge("watch", code=2).stderr
    shutil.rmtree(forge.home / ".ankiforge")
    assert f"ankiforge run {moved}" in forge("run", code=2).stderr


# --- what is not there --------------------------------------------------------------------------


def test_an_unmounted_vault_is_told_and_nothing_counts_as_deleted(forge, v, no_waiting):
    forge.ok("run", v)
    away = v.rename(v.with_name("away"))
    for _ in range(3):
        told = forge.ok("run")
        assert told.stderr.count(f"note: {v}: ") == 1
        assert "write its new place in" in told.stderr
        assert "No highlights found" not in told.stdout
    assert not forge.cards("finding:source_gone")
    away.rename(v)
    found = forge.json("run")["highlights"]
    assert (found["seen"], found["new"]) == (2, 0)


def test_a_missing_vault_is_told_instead_of_each_picture_in_it(forge, v, no_waiting):
    shutil.copyfile(Path(__file__).parents[2] / "docs/card-light.png", v / "a.png")
    (v / "pictures.md").write_text("".join(f"What is picture {n}?::![](a.png)\n\n" for n in (1, 2)))
    forge.ok("run", v)
    away = v.rename(v.with_name("away"))
    told = forge.ok("run").stderr
    assert (told.count(f"note: {v}: "), told.count("failed: ")) == (1, 0)
    away.rename(v)
    forge.ok("init", w := forge.folder / "w")  # with the vault in the settings
    v.rename(away)
    for command in ("run", "build"):
        told = forge("-C", w, command, code=1).stderr
        assert told.count("failed: ") == told.count(f"failed: {v}: ") == 1


def test_notes_and_pdfs_of_one_folder_are_two_sources_of_one_name(forge, v):
    pdf(v / "p.pdf", ROC)
    forge.ok("run", v)
    before = guids(forge)
    said = forge("init", w := forge.folder / "w")
    (line,) = (line for line in (said.stdout + said.stderr).splitlines() if "  read " in line)
    assert line.count(str(v)) == 1
    found = forge.ok("-C", w, "run", "--json").data["highlights"]
    assert (found["seen"], found["new"], found["gone"]) == (3, 0, 0)
    assert guids(forge, "-C", w) == before


def test_notes_and_pdfs_of_one_folder_that_is_gone_are_told_as_one(forge, v, no_waiting):
    pdf(v / "p.pdf", ROC)
    forge.ok("run", v)
    gone = v.rename(v.with_name("gone"))
    forge.ok("init", w := forge.folder / "w")
    assert forge.ok("-C", w, "run").stderr.count(f"note: {v}: ") == 1
    file = w / ".ankiforge" / "sources.yaml"
    file.write_text(file.read_text("utf-8").replace(f'"{v}"', f'"{gone}"'), "utf-8")
    forge.ok("init", "--trust", w)
    assert forge.ok("-C", w, "run").stderr.count("it keeps the name 'v'") == 1


def test_a_deleted_export_takes_nothing_away_and_gives_way_to_the_next(forge, tmp_path, no_waiting):
    first = annotations(tmp_path / "first.json", ROC, EM)
    forge.ok("run", first)
    second = annotations(tmp_path / "second.json", DNN, start=2)
    first.unlink()
    forge.ok("run", second)
    for _ in range(3):
        assert "first.json" not in forge.ok("run").stderr
    assert len(forge.cards("standing:live")) == 3
    assert not forge.cards("finding:source_gone")


# --- what is asked ------------------------------------------------------------------------------


def long_passages(count: int) -> list[str]:
    return [
        f"Passage {n} tells at some length how the matter of part {n} was seen."
        for n in range(count)
    ]


def test_an_export_asks_thirty_passages_and_tells_the_way_to_the_next(forge, tmp_path):
    forge.ok("run", annotations(tmp_path / "many.json", *long_passages(43)))
    told = forge.ok("draft", "export", "ask.md").stderr
    assert "30 highlights written" in told
    assert "13 passages remain" in told
    assert "ankiforge draft export ask.md" in told
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert sum(words in asked for words in long_passages(43)) == 30
    forge.ok("draft", "export", "again.md")  # the first may have been lost
    assert (forge.folder / "again.md").read_text("utf-8") == asked
    assert "43 highlights" in forge.ok("draft", "export", "all.md", "--limit", "100").stderr


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
    assert "3 highlights written" in forge.ok("draft", "export", "ask.md").stderr
    assert "3 highlights, " in forge.ok("draft", "--drafter", "llm", "--estimate").stdout
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert [asked.count(one) for one in words] == [1, 1, 1]


def test_passages_are_asked_once_and_none_of_a_forgotten_source(forge, tmp_path):
    told = forge.ok("draft", "export", "ask.md").stderr
    assert "nothing was read here yet" in told
    assert "ankiforge run PATH" in told
    assert not (forge.folder / "ask.md").exists()
    words = long_passages(2)
    for number, one in enumerate((*words, words[1])):
        (tmp_path / f"n{number}").mkdir()
        (tmp_path / f"n{number}" / "a.md").write_text(f"=={one}==\n", "utf-8")
        forge.ok("run", tmp_path / f"n{number}")
    assert "2 highlights written" in forge.ok("draft", "export", "both.md").stderr
    remember(forge, *(line for path, line in remembered(forge) if "n0" not in path))
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    asked = (forge.folder / "ask.md").read_text("utf-8")
    assert [one in asked for one in words] == [False, True]


def test_papers_under_another_name_are_asked_before_and_after_the_next_run(forge, tmp_path):
    words = "A long tale of how the matter was seen by those who came later."
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_pdf(folder / "one.pdf", [Page([paragraph(words)], [mark(words)])], title="Tales")
    (folder / "a.md").write_text("What is a stem?::A thing between.\n", "utf-8")
    forge.ok("run", folder)
    forge.ok("init", tmp_path / "w")
    assert "1 highlight written" in forge.ok("draft", "export", "ask.md").stderr
    forge.ok("run")
    assert "1 highlight written" in forge.ok("draft", "export", "ask.md").stderr


# --- why cards wait -----------------------------------------------------------------------------


def test_a_run_tells_why_cards_wait_and_the_command_that_rejects_a_kind(forge, tmp_path):
    notes = tmp_path / "n"
    notes.mkdir()
    for name in ("status", "priority", "due"):
        (notes / f"{name}.md").write_text(f"{name}:: open\n", "utf-8")
    (notes / "long.md").write_text(
        "The ==sum of all the squares of parts== is in the first half of it.\n"
    )
    forge.ok("run", notes, "--dry-run")
    data = forge.json("run", notes)
    assert data["waiting"]["inline_field"] == 3
    assert sum(data["waiting"].values()) == data["cards"]["waiting"]
    shutil.rmtree(forge.home / ".ankiforge")
    (forge.home / "journal.jsonl").unlink()

    told = forge.ok("run", notes).stdout
    assert "waits for a person" not in told
    assert "     3 waiting for you: `a:: b` lines that may be prose or fields\n" in told
    command = 'reject --all --filter "verdict:pending finding:inline_field"'
    assert f"ankiforge {command}" in told
    assert "no package was written: no card is accepted" in told
    forge.ok("reject", "--all", "--filter", "verdict:pending finding:inline_field")
    assert len(forge.cards("verdict:rejected")) == 3
    assert not forge.cards("verdict:pending finding:inline_field")


def test_a_card_that_waits_by_policy_says_so(forge, v):
    data = forge.ok("run", v, "--accept", "review", "--json").data
    assert data["waiting"] == {"policy": 2}
    [card] = forge.cards("stem")
    assert card["waits"] == "no findings, but your settings make them wait"
    forge.ok("accept", "--all", "--filter", "drafter:rules")
    assert [one["waits"] for one in forge.cards()] == ["", ""]


def test_the_301st_card_says_why_it_waits(forge, tmp_path, monkeypatch):
    from ankiforge.ledger import placing as policy

    monkeypatch.setattr(policy, "FLOOD", 2)
    notes = tmp_path / "n"
    notes.mkdir()
    names = ("heart", "liver", "spleen")
    lines = (f"What does the {name} do?::The {name} works.\n" for name in names)
    (notes / "a.md").write_text("\n".join(lines), "utf-8")
    data = forge.json("run", notes)
    assert data["waiting"] == {"flood": 1}
    [card] = forge.cards("verdict:pending")
    assert "cards without findings at once" in forge.ok("list", "verdict:pending").stdout
    assert "cards without findings at once" in forge.ok("show", card["guid"]).stdout


def test_a_restored_card_in_a_persons_words_is_not_said_to_be_a_models(forge, v):
    forge.ok("run", v)
    [card] = forge.cards("stem")
    name, words = next(iter(card["fields"].items()))
    forge.ok("edit", card["guid"], "--field", name, f"{words} (mine)")
    forge.ok("reject", card["guid"])
    forge.ok("restore", card["guid"])
    assert forge.cards("stem")[0]["waits"] == "you have already decided on a card of their passage"
