"""Zotero over the network: a year with the web API, and the same library by another way."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import zotero_server as fake
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)

ADA, BEN = 123456, 222333
USERS = {ADA: "Ada Lovelace", BEN: "Ben Reader"}

ACRONYM = (
    "The minimum inhibitory concentration (MIC) is the lowest dose that prevents growth."
)
TERM = "The transfer of genes by contact (TGC) spreads a plasmid."
PLAIN = "Persister cells survive for reasons of their own."
OTHER = "The water loss of leaves (WLL) cools them."
ASKED = "? What do persister cells do?"


def paper(key: str, title: str, *marks: Annotation, **more: Any) -> Work:
    """A work with one file; the keys of both end alike."""
    attached = Attachment(f"ATTACH{key[-2:]}", f"{title}.pdf", marks)
    return Work(
        key, {"title": title, **more.pop("fields", {})}, attachments=(attached,), **more
    )


RESIST = paper(
    "PAPERAA2",
    "How Bacteria Resist",
    Annotation("MARKAAA2", ACRONYM, "What does MIC stand for?", top=1),
    Annotation("MARKBBB3", TERM, "What does TGC stand for?", top=2),
    Annotation("MARKCCC4", PLAIN, ASKED, top=3),
    fields={"date": "2021-00-00 2021", "DOI": "10.5555/resist"},
    collections=("Biology/Microbes",),
    notes=(Note("NOTEAAA2", "<p>Resistance is <b>old</b>.</p>"),),
)
LEAVES = paper(
    "PAPERBB3", "How Leaves Drink", Annotation("MARKDDD5", OTHER, "What cools leaves?")
)
OWN = Library((RESIST, LEAVES))
CLUB_MARKS = (
    Annotation("MARKEEE6", "ours to keep", "q: What is a book for?", author=ADA),
    Annotation("MARKFFF7", "theirs", "q: May they ask?", author=BEN, top=200),
)
CLUB = Library((paper("PAPERCC4", "Read together", *CLUB_MARKS),), group=77, name="Club")


def with_marks(work: Work, *marks: Annotation) -> Work:
    return replace(work, attachments=(replace(work.attachments[0], annotations=marks),))


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOTERO_API_KEY", fake.KEY)


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    with ExitStack() as stack:

        def serve_(*libraries: Library, **more: Any) -> Any:
            return stack.enter_context(fake.ZoteroServer(libraries, users=USERS, **more))

        yield serve_


class Desk:
    """A workspace with one Zotero, and every run's word on it."""

    def __init__(self, forge: Any) -> None:
        self.forge = forge
        forge.ok("init", "--json")
        self.settings = forge.folder / "ankiforge.yaml"

    def read_by(self, **settings: Any) -> None:
        named = {"name": "zotero"} | settings
        if settings.get("api") == "web":
            named = {"key_env": "ZOTERO_API_KEY"} | named
        self.settings.write_text(
            json.dumps({"sources": [{"zotero": named}], "anki": {"collection": "none"}}),
            "utf-8",
        )

    def read_here(self, **settings: Any) -> None:
        """By the web API of a server on this computer, which may have the key."""
        self.read_by(api="web", **settings)
        self.forge.ok("init", "--trust")

    def run(self, *words: str, code: int = 0) -> dict[str, Any]:
        came: dict[str, Any] = self.forge("run", "--json", *words, code=code).data
        return came

    def twice(self, *, code: int = 0) -> dict[str, Any]:
        """What is missing once may come back; what is missing twice is gone."""
        self.run(code=code)
        return self.run(code=code)

    @property
    def live(self) -> dict[str, str]:
        """guid: key of every card that is one."""
        cards = self.forge.cards()
        return {c["guid"]: c["highlight"] for c in cards if c["verdict"] == "accepted"}

    @property
    def gone(self) -> set[str]:
        """The highlights of cards that say that their source is gone."""
        cards = self.forge.cards()
        return {
            c["highlight"]
            for c in cards
            for f in c["findings"]
            if f["check"] == "source_gone"
        }


@pytest.fixture
def desk(forge: Any, no_waiting: None) -> Desk:
    return Desk(forge)


KEYS = {f"zotero:user/{key}" for key in ("MARKAAA2", "MARKBBB3", "MARKCCC4", "MARKDDD5")}


def counts(came: dict[str, Any]) -> tuple[int, int, int, int]:
    told = came["highlights"]
    return (told["new"], told["changed"], told["gone"], told["unchanged"])


# --- a year with the web --------------------------------------------------------------------


def test_a_library_on_the_web_from_first_run_to_last(desk, serve):
    server = serve(OWN, CLUB)
    desk.read_here(url=server.url)
    first = desk.run()
    assert counts(first) == (7, 0, 0, 0)
    assert first["problems"] == []
    before = desk.live
    assert set(before.values()) == KEYS | {"zotero:group.77/MARKEEE6"}

    server.forget_requests()
    assert counts(desk.run()) == (0, 0, 0, 7)
    assert len(server.asked) == 4  # whose key, which groups, and one question a library
    assert desk.live == before

    edited = Annotation("MARKBBB3", TERM.replace("plasmid", "ring of DNA"), top=2)
    marks = (
        RESIST.attachments[0].annotations[0],
        edited,
        RESIST.attachments[0].annotations[2],
    )
    server.show([Library((with_marks(RESIST, *marks), LEAVES)), CLUB])
    assert counts(desk.run()) == (0, 1, 0, 6)
    assert desk.live == before

    server.show([Library((with_marks(RESIST, *marks[:2]), LEAVES)), CLUB])
    assert counts(desk.twice())[2] == 1
    assert desk.gone == {"zotero:user/MARKCCC4"}

    trashed = replace(LEAVES, trashed=True)
    server.show([Library((with_marks(RESIST, *marks[:2]), trashed)), CLUB])
    assert counts(desk.twice())[2] == 1
    assert desk.gone == {"zotero:user/MARKCCC4", "zotero:user/MARKDDD5"}

    server.show([OWN, CLUB])
    desk.run()
    assert desk.gone == set()
    assert desk.live == before


def test_a_run_that_breaks_off_goes_on_where_it_was(desk, serve):
    server = serve(OWN, CLUB)
    desk.read_here(url=server.url)
    server.faults.extend([fake.FINE] * 5 + [fake.status(404, "lost")])
    came = desk.run(code=1)
    [problem] = came["problems"]
    assert problem["where"].endswith("zotero:user")
    assert "404" in problem["what"]
    assert set(desk.live.values()) == {"zotero:group.77/MARKEEE6"}

    server.forget_requests()
    assert counts(desk.run()) == (5, 0, 0, 2)
    assert set(desk.live.values()) == KEYS | {"zotero:group.77/MARKEEE6"}
    assert sum("/groups/77/" in one for one in server.asked) == 1

    server.faults.extend([fake.status(404, "lost")] * 9)
    assert counts(desk.twice(code=1))[2] == 0
    assert set(desk.live.values()) == KEYS | {"zotero:group.77/MARKEEE6"}


# --- the same by another way ----------------------------------------------------------------


def written(folder: Path, libraries: Iterable[Library]) -> Path:
    folder.mkdir(exist_ok=True)
    write_zotero(folder / "zotero.sqlite", libraries, account=(ADA, "ada"), users=USERS)
    return folder


@pytest.mark.parametrize(
    "order", ["database web local", "web local database", "local web database"]
)
def test_another_way_makes_no_double_and_loses_nothing(desk, serve, tmp_path, order):
    folder = written(tmp_path / "Zotero", [OWN])
    web, local = serve(OWN), serve(OWN, flavour="local10")
    ways: dict[str, dict[str, Any]] = {
        "database": {"path": str(folder)},
        "web": {"api": "web", "url": web.url, "key_env": "ZOTERO_API_KEY"},
        "local": {"api": "local", "url": local.url, "path": str(folder)},
    }
    first, *others = order.split()
    desk.read_by(**ways[first])
    desk.forge.ok("init", "--trust", desk.forge.folder)
    assert counts(desk.run()) == (5, 0, 0, 0)
    before = desk.live
    assert len(before) == 4
    for way in others:
        desk.read_by(**ways[way])
        desk.forge.ok("init", "--trust", desk.forge.folder)
        came = desk.run()
        assert counts(came) == (0, 0, 0, 5)
        assert [one for one in came["problems"] if not one["notice"]] == []
        assert counts(desk.run()) == (0, 0, 0, 5)
        assert desk.live == before


# --- what the other commands make of it -----------------------------------------------------


def test_a_look_leaves_no_trace_and_no_key(desk, serve):
    server = serve(OWN)
    desk.read_here(url=server.url, library="user")
    assert counts(desk.run("--dry-run")) == (5, 0, 0, 0)
    assert desk.live == {}
    told = desk.forge.ok("run", "--dry-run", "-v", "--json")
    assert {line["key"] for line in told.lines} == KEYS | {"zotero:user/NOTEAAA2"}
    assert fake.KEY not in told.stdout + told.stderr
    server.forget_requests()
    (note := desk.forge.folder / "note.md").write_text("Katze::cat\n", "utf-8")
    assert desk.run(str(note))["highlights"]["seen"] == 1
    assert server.asked == [], "a file of the workspace is none of Zotero's"
    assert counts(desk.run())[0] == 5
    everything = [path for path in desk.forge.home.rglob("*") if path.is_file()]
    assert not any(fake.KEY.encode() in path.read_bytes() for path in everything)
    desk.read_by(api="web")
    [problem] = desk.run("--offline", code=1)["problems"]
    assert "--offline" in problem["what"]


def doctor(desk: Desk) -> dict[str, Any]:
    """What `doctor` says of the source."""
    told = {one["name"]: one for one in desk.forge("doctor", "--json").lines}
    return dict(told["source zotero"])


def test_doctor_asks_and_tells_the_way_or_what_is_missing(desk, serve):
    server = serve(OWN, CLUB)
    desk.read_here(url=server.url)
    source = doctor(desk)
    assert source["state"] == "ok"
    assert source["says"].startswith(
        "zotero: user, group.77 by Zotero's web API at 127.0.0.1"
    )
    server.faults.extend([fake.FINE, fake.status(403, "not these")])
    source = doctor(desk)
    assert (source["state"], source["exit_code"]) == ("fail", 1)
    assert "returned 403" in source["says"]
    server.faults.clear()
    right, server.key = server.key, "another"
    source = doctor(desk)
    assert (source["state"], source["exit_code"]) == ("fail", 1)
    assert "ZOTERO_API_KEY" in source["do"]
    server.key = right
    desk.read_here(url=server.url, path=str(desk.forge.folder / "Zotero"))
    source = doctor(desk)
    assert source["state"] == "fail"
    assert "Zotero: it is not there" in source["says"]


def test_of_what_could_not_be_read_nobody_says_that_nothing_is_marked(desk, serve):
    server = serve(Library(()))
    desk.read_here(url=server.url)
    assert "what counts as a highlight" in desk.forge("run").stdout
    server.faults.extend([fake.status(404, "lost")] * 9)
    failed = desk.forge("run", code=1)
    assert "returned 404" in failed.stderr
    assert "what counts as a highlight" not in failed.stdout
