"""Zotero by all its ways: the same library gives the same, and what is kept never goes stale."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ankiforge.extract import zotero
from ankiforge.model import Memory, NoMemory, Problem, Sighting
from samples.zotero_writer import Annotation, Attachment, Library, Note, Work, write_zotero
from tests.examples import examples
from tests.fakes import zotero_server as fake

ADA, BEN = 123456, 222333
USERS = {ADA: "Ada Lovelace", BEN: "Ben Reader"}
LAWS = examples(10, HealthCheck.function_scoped_fixture)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOTERO_API_KEY", fake.KEY)


# --- libraries ------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r"), max_size=12)
KINDS = st.sampled_from(["highlight", "underline", "note", "image", "ink", "text"])
PATHS = st.sets(st.sampled_from(["A", "A/B", "A/B/C", "Bin", "Bin/D", "É"]), max_size=2)
DATES = st.sampled_from(["2019-03-00 March 2019", "1999-05-01 May 1, 1999", "0000-00-00 n.d.", ""])
TIMES = st.sampled_from(["2023-01-01 09:00:00", "2024-01-01 12:00:00", "2024-06-01 00:00:01"])
KEY = "ZOTERO_API_KEY"
RARELY = st.integers(0, 9).map(lambda number: number == 0)


class Keys:
    """Each key of a library once."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count:07}"


@st.composite
def marks(draw: st.DrawFn, key: Keys, shared: bool) -> Annotation:
    kind = draw(KINDS)
    worded = kind in ("highlight", "underline")
    return Annotation(
        key(draw(st.sampled_from("MNA"))),
        draw(WORDS) if worded else None,
        draw(st.none() | WORDS),
        kind,
        colour=draw(st.sampled_from(["#ffd400", "#FF6666"])),
        page=draw(st.integers(0, 3)),
        page_label=draw(st.sampled_from(["", "iv", "12"])),
        top=draw(st.integers(0, 3)),
        tags=tuple(draw(st.sets(st.sampled_from(["a", "B", "é"]), max_size=2))),
        author=draw(st.sampled_from([ADA, BEN])) if shared else None,
        trashed=draw(RARELY),
        modified=draw(TIMES),
    )


@st.composite
def attachments(draw: st.DrawFn, key: Keys, shared: bool, *, loose: bool = False) -> Attachment:
    name = draw(st.sampled_from(["a.pdf", "b c.pdf", "d.epub"]))
    return Attachment(
        key(draw(st.sampled_from("FEZ"))),
        name,
        tuple(draw(st.lists(marks(key, shared), max_size=3))),
        path=draw(st.sampled_from(["", "", f"/far/{name}", f"attachments:sub/{name}"])),
        title=draw(st.sampled_from(["", "Full text"])),
        added=draw(TIMES),
        collections=tuple(sorted(draw(PATHS))) if loose else (),
        trashed=draw(RARELY),
    )


@st.composite
def notes(draw: st.DrawFn, key: Keys, shared: bool) -> Note:
    return Note(
        key("N"),
        f"<p>{draw(st.sampled_from(['one', 'two <b>three</b>', '']))}</p>",
        author=draw(st.sampled_from([ADA, BEN])) if shared else None,
        added=draw(TIMES),
        trashed=draw(RARELY),
    )


@st.composite
def works(draw: st.DrawFn, key: Keys, shared: bool) -> Work:
    named = {
        "title": draw(WORDS),
        "date": draw(DATES),
        "DOI": draw(st.sampled_from(["", "10.5/x"])),
    }
    return Work(
        key(draw(st.sampled_from("PQ"))),
        {name: value for name, value in named.items() if value},
        creators=tuple(
            draw(
                st.lists(
                    st.sampled_from([("author", "J", "Doe"), ("editor", "", "ACME")]), max_size=2
                )
            )
        ),
        tags=tuple(draw(st.sets(st.sampled_from(["x", "y"]), max_size=2))),
        automatic_tags=tuple(draw(st.sets(st.just("z")))),
        collections=tuple(sorted(draw(PATHS))),
        attachments=tuple(draw(st.lists(attachments(key, shared), max_size=2))),
        notes=tuple(draw(st.lists(notes(key, shared), max_size=2))),
        trashed=draw(RARELY),
    )


@st.composite
def libraries(draw: st.DrawFn) -> list[Library]:
    made = []
    for group in (None, 7, 70)[: draw(st.integers(1, 3))]:
        key, shared = Keys(), group is not None
        made.append(
            Library(
                tuple(draw(st.lists(works(key, shared), max_size=3))),
                loose=tuple(draw(st.lists(attachments(key, shared, loose=True), max_size=2))),
                group=group,
                name=f"Group {group}",
                trashed_collections=("Bin",) if draw(st.booleans()) else (),
            )
        )
    return made


# --- laws -----------------------------------------------------------------------------------


def read(memory: Memory | None = None, **given: Any) -> list[Sighting]:
    root = Path(given.get("path", "."))
    source = zotero.open_source(
        "zotero",
        root,
        zotero.Settings(**given),
        memory=memory or NoMemory(),
        pace=fake.Clock().pace,
    )
    return list(source.scan())


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as path:  # noqa: PTH112
        yield Path(path)


@LAWS
@given(libraries(), st.sampled_from(["local8", "local9", "local10"]))
def test_every_way_gives_the_same(folder, made, flavour):
    write_zotero(folder / "zotero.sqlite", made, account=(ADA, "ada"), users=USERS)
    expected = _but_notices(read(path=str(folder)))
    assert not any(isinstance(one, Problem) for one in expected)
    with fake.ZoteroServer(made, users=USERS) as server:
        web = read(api="web", url=server.url, key_env=KEY, path=str(folder))
        assert _but_notices(web) == expected
    with fake.ZoteroServer(made, users=USERS, flavour=flavour) as server:
        assert _but_notices(read(api="local", url=server.url, path=str(folder))) == expected


def _but_notices(sightings: list[Any]) -> list[Any]:
    """Without what is only said, such as that all annotations lie in the trash."""
    return [one for one in sightings if not (isinstance(one, Problem) and one.notice)]


@LAWS
@given(st.lists(libraries(), min_size=2, max_size=4))
def test_what_is_kept_and_what_changed_give_what_there_is(states):
    memory = fake.Kept()
    with fake.ZoteroServer(states[0], users=USERS) as server:
        for state in states:
            server.show(state)
            assert read(memory, api="web", url=server.url, key_env=KEY) == read(
                api="web", url=server.url, key_env=KEY
            )
