"""More doors: text, Kindle, Readwise, Hypothesis, from the command line and configured."""

import csv
import json
from pathlib import Path

import pytest

QUESTION = "What does retrieval strengthen?"
PASSAGE = "Retrieval strengthens memory more than rereading does."

COLUMNS = (
    "Highlight", "Book Title", "Book Author", "Amazon Book ID", "Note", "Color", "Tags",
    "Location Type", "Location", "Highlighted at", "Document tags",
)  # fmt: skip


def clipping(words: str, place: str, kind: str = "Highlight", day: int = 1) -> str:
    when = f"Added on Thursday, January {day}, 2015 10:00:00 AM"
    return f"A Book (Roe, Ann)\n- Your {kind} at location {place} | {when}\n\n{words}\n==========\n"


def clippings(path: Path, *entries: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\ufeff" + "".join(entries), encoding="utf-8")
    return path


def table(path: Path, *rows: tuple[str, str]) -> Path:
    """Passages of one book with their notes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for at, (words, note) in enumerate(rows):
            writer.writerow(
                [words, "A Book", "Roe, Ann", "", note, "", "", "page", at + 1, "", ""]
            )
    return path


def annotations(path: Path, *given: tuple[str, str, str]) -> Path:
    """(id, passage, comment)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": name,
            "user": "acct:ada@hypothes.is",
            "uri": "https://example.org/a",
            "text": comment,
            "target": [{"selector": [{"type": "TextQuoteSelector", "exact": words}]}],
        }
        for name, words, comment in given
    ]
    path.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    return path


def made(kind: str, folder: Path) -> Path:
    """What holds one passage with a question, or one card, for this door."""
    match kind:
        case "kindle":
            entries = (clipping(PASSAGE, "10-12"), clipping(QUESTION, "12", "Note"))
            return clippings(folder / "documents" / "My Clippings.txt", *entries)
        case "readwise":
            return table(folder / "readwise-data.csv", (PASSAGE, QUESTION))
        case "hypothesis":
            return annotations(
                folder / "annotations.json", ("AbC_d-1", PASSAGE, QUESTION)
            )
    path = folder / "memory.txt"
    path.write_text(f"{QUESTION}::memory\n", encoding="utf-8")
    return path


DOORS = ("hypothesis", "kindle", "markdown", "readwise")


def guids(forge) -> list[str]:
    return sorted(card["guid"] for card in forge.cards())


# --- each of them ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DOORS)
def test_a_path_needs_no_settings_and_nothing_is_new_the_second_time(
    forge, tmp_path, kind
):
    path = made(kind, tmp_path)
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    first = forge.json("run", path)
    assert first["highlights"]["new"] == first["highlights"]["seen"] == 1
    assert first["notes"]["added"] == 1
    assert first["problems"] == []
    [card] = forge.cards()
    assert card["fields"]["Front"] == QUESTION
    assert card["verdict"] == "accepted"
    assert card["highlight"].startswith(f"{kind}:")
    package = Path(first["packages"][0]).read_bytes()

    second = forge.json("run", path)
    assert second["highlights"]["new"] == second["highlights"]["changed"] == 0
    assert second["notes"]["added"] == 0
    assert Path(second["packages"][0]).read_bytes() == package
    assert len(forge.cards()) == 1
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_note_in_a_pdf_on_a_kindle_asks_about_its_own_passage(forge, tmp_path):
    where = "на странице {} | Добавлено: четверг, 9 мая 2019 г. в 18:{}"
    entries = (
        ("– Ваш выделенный отрывок", where.format("36", "01:00"), "bland"),
        ("– Ваш выделенный отрывок", where.format("36–36", "05:00"), PASSAGE),
        ("– Ваша заметка", where.format("36", "05:20"), QUESTION),
        ("– Ваша заметка", where.format("36", "30:00"), "Whose is this?"),
    )
    text = "".join(f"A Book\n{a} {b}\n\n{c}\n==========\n" for a, b, c in entries)
    path = clippings(tmp_path / "My Clippings.txt", text)
    came = forge.json("run", path)
    assert came["highlights"]["seen"] == 3
    [card] = forge.cards()
    assert card["fields"] == {"Front": QUESTION, "Back": PASSAGE}


# --- exports come under many names ----------------------------------------------------------


@pytest.mark.parametrize("kind", ["hypothesis", "kindle", "readwise"])
def test_a_new_export_is_the_same_account_whatever_it_is_called(forge, tmp_path, kind):
    path = made(kind, tmp_path)
    forge.ok("run", path)
    before = guids(forge)
    other = tmp_path / "elsewhere" / f"export (1){path.suffix}"
    other.parent.mkdir()
    other.write_bytes(path.read_bytes())
    assert forge.json("run", other)["highlights"]["new"] == 0
    both = forge.json("run", path, other)
    assert both["highlights"]["seen"] == 1
    assert both["highlights"]["new"] == 0
    assert guids(forge) == before


def test_an_older_export_takes_nothing_away(forge, tmp_path, no_waiting):
    rows = [(f"{PASSAGE} {n}", f"What is number {n} of them?") for n in range(3)]
    newer = table(tmp_path / "new.csv", *rows)
    older = table(tmp_path / "old.csv", *rows[:1])
    forge.ok("run", newer)
    for _ in range(3):
        assert forge.json("run", older)["highlights"]["gone"] == 0
    assert [card["findings"] for card in forge.cards("verdict:accepted")] == [[]] * 3


def test_what_the_configured_export_lacks_is_gone_after_two_looks(
    forge, tmp_path, no_waiting
):
    workspace = tmp_path / "ws"
    path = table(
        workspace / "data.csv",
        (PASSAGE, QUESTION),
        ("Another passage.", "What else is there?"),
    )
    (workspace / "ankiforge.yaml").write_text(
        "sources:\n  - readwise: {path: data.csv}\nanki: {collection: none}\n"
    )
    forge.trust(workspace)
    forge.ok("-C", workspace, "run")
    table(path, (PASSAGE, QUESTION))
    forge.ok("-C", workspace, "run")
    assert forge.json("-C", workspace, "run")["highlights"]["gone"] == 1


# --- a file that grows ----------------------------------------------------------------------


def test_a_mark_drawn_further_is_the_same_mark(forge, tmp_path):
    first = (clipping(PASSAGE, "10-12"), clipping(QUESTION, "12", "Note"))
    path = clippings(tmp_path / "My Clippings.txt", *first)
    forge.ok("run", path)
    [card] = forge.cards()
    longer = f"{PASSAGE} So it is."
    clippings(path, *first, clipping(longer, "10-13", day=2))
    came = forge.json("run", path)
    assert came["highlights"]["seen"] == came["highlights"]["changed"] == 1
    assert [one["guid"] for one in forge.cards()] == [card["guid"]]


# --- among notes ----------------------------------------------------------------------------


def test_clippings_in_a_vault_are_no_note(forge, vault):
    (vault / "a.md").write_text("First?::one\n")
    path = clippings(vault / "My Clippings.txt", clipping(PASSAGE, "10-12"))
    assert forge.json("run", vault)["highlights"]["seen"] == 1
    [found] = forge.ok("run", "--dry-run", "-v", path, "--json").lines
    assert found["key"].startswith("kindle:kindle/")
    workspace = vault.parent / "ws"
    workspace.mkdir()
    (workspace / "ankiforge.yaml").write_text(
        f"sources:\n  - obsidian: {{name: n, path: {vault}}}\nanki: {{collection: none}}\n"
    )
    forge.ok("init", "--trust", workspace)
    [found] = forge.ok("-C", workspace, "run", "--dry-run", "-v", path, "--json").lines
    assert found["key"].startswith("kindle:kindle/")


def test_an_export_goes_to_the_one_source_of_its_kind(forge, tmp_path):
    workspace = tmp_path / "ws"
    table(workspace / "data.csv", (PASSAGE, QUESTION))
    (workspace / "ankiforge.yaml").write_text(
        "sources:\n  - readwise: {name: mine, path: data.csv}\nanki: {collection: none}\n"
    )
    forge.trust(workspace)
    forge.ok("-C", workspace, "run")
    newer = table(tmp_path / "new.csv", (PASSAGE, QUESTION), ("Another passage.", ""))
    came = forge.json("-C", workspace, "run", newer)
    assert came["highlights"] == {
        "seen": 2,
        "new": 1,
        "changed": 0,
        "gone": 0,
        "unchanged": 1,
    }


def test_pictures_of_texts_travel_with_their_cards(forge, tmp_path, notes_in):
    folder = tmp_path / "joplin"
    (folder / "_resources").mkdir(parents=True)
    png = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
        "0000000049454e44ae426082"
    )
    name = "0123456789abcdef0123456789abcdef"
    (folder / "_resources" / f"{name}.png").write_bytes(png)
    (folder / "note.markdown").write_text(
        f"Which colours are these?::![](_resources/{name}.png)\n"
    )
    came = forge.json("run", folder / "note.markdown")
    assert came["problems"] == []
    [(_, fields, _)] = notes_in(Path(came["packages"][0])).values()
    assert 'src="af-' in fields[1]


def test_a_book_of_amazons_opens_from_its_card(forge, tmp_path, notes_in):
    path = table(tmp_path / "data.csv", (PASSAGE, QUESTION))
    words = path.read_text().replace('"Roe, Ann",,', '"Roe, Ann",B000000001,')
    path.write_text(words.replace(",page,1,", ",location,1,"))
    came = forge.json("run", path)
    [(_, fields, _)] = notes_in(Path(came["packages"][0])).values()
    link = "kindle://book?action=open&amp;asin=B000000001&amp;location=1"
    assert any(f'<a href="{link}">Kindle</a>' in field for field in fields)


def test_the_terminal_tells_what_is_wrong_and_goes_on(forge, tmp_path):
    clippings(
        tmp_path / "My Clippings.txt",
        "no entry at all\n==========\n",
        clipping(PASSAGE, "1-2"),
    )
    annotations(tmp_path / "a.json", ("x", PASSAGE, ""))
    rows = json.loads((tmp_path / "a.json").read_text())
    rows["rows"].append({"id": 1})
    (tmp_path / "a.json").write_text(json.dumps(rows))
    told = forge("run", *sorted(tmp_path.glob("*.*")), code=1).stderr
    assert "My Clippings.txt: entry 1: not a Kindle entry" in told
    assert "a.json: annotation 2" in told
