"""A bug that one document, passage or card triggers is reported for it alone, and stops nothing else."""

import errno
import json
import os
import sqlite3
from collections.abc import Callable
from copy import copy

import msgspec
import pytest

from ankiforge import check
from ankiforge.anki import plan
from ankiforge.check import meaning
from ankiforge.draft import reply, rules
from ankiforge.errors import LedgerError
from ankiforge.extract import pdf
from ankiforge.extract.exports import hypothesis, kindle, readwise
from ankiforge.extract.markdown import obsidian
from ankiforge.extract.zotero import works
from ankiforge.model import Highlight
from tests.golden import clock
from tests.makers.pdf_writer import Page, mark, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

CARD = "Which {0} is it?::the {0} one"
SOURCES = {"hurtful": "Hurtful", "good": "Good"}
FAILS = "ankiforge itself fails on it (ZeroDivisionError: of "


def failing(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, error: Exception
) -> None:
    """Let a function raise an error if an argument, or its passage, contains the word `hurtful`."""
    real: Callable[..., object] = getattr(module, name)

    def wrapped(*arguments: object, **named: object) -> object:
        for one in arguments:
            passage = one.highlight if isinstance(one, check.CheckContext) else one
            shown = passage.exact if isinstance(passage, Highlight) else repr(one)
            if "hurtful" in shown:
                raise copy(error)  # with a traceback of its own
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, wrapped)


def write(forge, kind: str) -> None:
    """Write two documents of this kind, one of which is hurtful."""
    folder = forge.folder / "in"
    folder.mkdir()
    texts = {word: f"The {word} thing (ABC) is called a thing." for word in SOURCES}
    if kind == "zotero":
        made = []
        for word, text in texts.items():
            marks = (Annotation(f"{word:A<8}"[:8].upper(), text),)
            file = Attachment(f"{word:F<8}"[:8].upper(), f"{word}.pdf", marks)
            made.append(
                Work(f"{word:W<8}"[:8].upper(), {"title": word}, attachments=(file,))
            )
        write_zotero(folder / "zotero.sqlite", [Library(tuple(made))])
    elif kind == "kindle":
        clips = [
            f"{word} book (A B)\r\n- Your Highlight on Location {at}-{at} | Added on Monday,"
            f" 1 June 2020 10:0{at}:00\r\n\r\n{text}\r\n==========\r\n"
            for at, (word, text) in enumerate(texts.items(), 1)
        ]
        (folder / "My Clippings.txt").write_text("".join(clips), encoding="utf-8")
    elif kind == "readwise":
        rows = [f'"{text}",{word},Me\n' for word, text in texts.items()]
        (folder / "a.csv").write_text(
            f"Highlight,Book Title,Book Author\n{''.join(rows)}", "utf-8"
        )
    elif kind == "hypothesis":
        rows = [
            {"id": word, "uri": f"https://example.org/{word}", "text": "", "target": [
                {"selector": [{"type": "TextQuoteSelector", "exact": text, "prefix": text}]}]}
            for word, text in texts.items()
        ]  # fmt: skip
        (folder / "a.json").write_text(json.dumps({"rows": rows}), encoding="utf-8")
    for word, text in texts.items():
        if kind == "pdf":
            write_pdf(folder / f"{word}.pdf", [Page((paragraph(text),), (mark(text),))])
        elif kind == "obsidian":
            (folder / ".obsidian").mkdir(exist_ok=True)  # its notes have links
            (folder / f"{word}.md").write_text(CARD.format(word) + "\n", encoding="utf-8")
    forge.settings(
        f"sources:\n  - {kind}: {{name: in, path: in}}\nanki: {{collection: none}}\n"
    )


@pytest.mark.parametrize(
    ("kind", "module", "name"),
    [
        ("obsidian", obsidian, "quote"),
        ("pdf", pdf, "cut_out_pictures"),
        ("zotero", works, "build_document"),
        ("kindle", kindle, "Highlight"),
        ("readwise", readwise, "Highlight"),
        ("hypothesis", hypothesis, "percent_encode"),
    ],
)
@pytest.mark.usefixtures("no_waiting")
def test_a_document_that_cannot_be_read_is_named_and_its_highlights_stay(
    forge, monkeypatch, caplog, kind, module, name
):
    write(forge, kind)
    with monkeypatch.context() as patch:
        failing(patch, module, name, ZeroDivisionError(f"of {kind}"))
        result = forge("run", "--json", code=1)
        assert f"{FAILS}{kind})" in result.data["problems"][0]["what"]
        assert "Traceback" in caplog.text
        assert result.data["highlights"]["new"] == 1
    assert forge.json("run")["highlights"]["new"] == 1
    for path in (forge.folder / "in").iterdir():
        os.utime(path, (0, 0))  # so that it is read again
    failing(monkeypatch, module, name, ZeroDivisionError(f"of {kind}"))
    for seconds in (10, 20):
        with clock.ahead(seconds):
            assert forge("run", "--json", code=1).data["highlights"]["gone"] == 0


@pytest.mark.usefixtures("no_waiting")
def test_a_source_that_cannot_be_listed_loses_nothing_and_stops_no_other(
    forge, monkeypatch
):
    for name in ("hurtful", "other"):
        (forge.folder / name).mkdir()
        (forge.folder / name / "a.md").write_text(
            f"What {name}?::it is\n", encoding="utf-8"
        )
    names = "sources:\n  - obsidian: {path: hurtful}\n  - obsidian: {path: other}\n"
    forge.settings(f"{names}anki: {{collection: none}}\n")
    forge.ok("run")
    (forge.folder / "other" / "b.md").write_text(
        "Which?::another one\n", encoding="utf-8"
    )
    damage = sqlite3.DatabaseError("database disk image is malformed")
    damage.sqlite_errorname = "SQLITE_CORRUPT"
    failing(monkeypatch, os, "scandir", damage)
    for new in (1, 0):
        result = forge("run", "--json", code=1)
        [problem] = result.data["problems"]
        assert problem["where"] == "hurtful"
        assert problem["what"].startswith("ankiforge itself fails on it (sqlite3.Data")
        counts = result.data["highlights"]
        assert (counts["new"], counts["gone"]) == (new, 0)


DAMAGED = msgspec.DecodeError("JSON is malformed")
"""Of some other file than the ledger."""


@pytest.mark.parametrize(
    ("module", "name", "error"),
    [
        (rules, "_draft_highlight", ZeroDivisionError()),
        (check, "check_draft", RecursionError()),
        (meaning, "check_meaning", DAMAGED),
    ],
)
def test_a_passage_that_cannot_be_drafted_or_checked_has_a_reason_and_is_tried_again(
    forge, monkeypatch, caplog, module, name, error
):
    write(forge, "obsidian")
    note = "The hurtful minimum inhibitory concentration (MIC) prevents growth."
    marked = note.replace("hurtful", "==hurtful==")
    (forge.folder / "in" / "hurtful.md").write_text("An other?::one\n", encoding="utf-8")
    (forge.folder / "in" / "b.md").write_text(
        f"{marked}\n\nThe last?::two\n", encoding="utf-8"
    )
    only_check = check.Check(lambda *given: meaning.check_meaning(*given))
    monkeypatch.setattr(check, "ALL_CHECKS", (only_check,))
    with monkeypatch.context() as patch:
        failing(patch, module, name, error)
        for _ in range(2):
            result = forge("run", code=1)
            says = f"failed: b: “{note[:60].rstrip()}…”: ankiforge itself fails on it"
            assert f"{says} (" in result.stderr
            assert type(error).__name__ in result.stderr
            assert "ledger" not in result.stderr
            [without] = forge.ok("list", "--no-card", "--all", "--json").lines
            assert "ankiforge itself fails on it" in without["reason"]
            assert len(forge.cards()) == 3
    assert "Traceback" in caplog.text
    forge.ok("run")
    assert len(forge.cards()) == 4


def test_what_fails_because_of_the_machine_stops_the_run(forge, monkeypatch):
    write(forge, "obsidian")
    for error, code in ((LedgerError("it is locked"), 4), (KeyboardInterrupt(), 130)):
        with monkeypatch.context() as patch:
            failing(patch, check, "check_draft", error)
            forge("run", code=code)
    full = OSError(errno.ENOSPC, "No space left on device")
    failing(monkeypatch, check, "check_draft", full)
    with pytest.raises(OSError, match="No space"):
        forge("run")


def test_a_card_that_cannot_be_shipped_stays_out_of_the_package(forge, monkeypatch):
    write(forge, "obsidian")
    with monkeypatch.context() as patch:
        failing(patch, plan, "plan_card", ZeroDivisionError())
        result = forge("run", "--json", code=1).data
        assert result["notes"]["written"] == 1
        [problem] = result["problems"]
        assert problem["where"].startswith("hurtful: card af")
    assert forge.json("run")["notes"]["written"] == 2


def test_a_reply_that_cannot_be_used_fails_for_its_passages_alone(
    forge, monkeypatch, server
):
    (forge.folder / "in").mkdir()
    (forge.folder / "in" / "a.md").write_text(
        "==A hurtful fact.==\n\n==A good fact.==\n", "utf-8"
    )
    forge.drafting(server.base_url, "{obsidian: {path: in}}")
    with monkeypatch.context() as patch:
        failing(patch, reply, "build_drafts", ZeroDivisionError())
        assert "not drafted: ankiforge itself fails on it" in forge("run", code=1).stderr
    asked = len(server.asked)
    forge.ok("run")
    assert len(server.asked) == asked
