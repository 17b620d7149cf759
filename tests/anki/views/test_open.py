"""What cannot be looked at says why; nothing is left behind."""

import os
import shutil
import sqlite3
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from ankiforge.anki import collection as collection_module
from ankiforge.anki.collection import open_anki_contents
from ankiforge.anki.package import write_package
from ankiforge.errors import ItemError
from ankiforge.model import AnkiReadMethod, Card
from tests.examples import examples
from tests.makers.anki_notes import note_for

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, compress
else:
    from backports.zstd import ZstdCompressor, compress

Maker = Callable[..., Card]


@pytest.fixture(autouse=True)
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temp folder of its own, empty at the end of every test."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def card(make_card: Maker) -> Card:
    return make_card()


@pytest.fixture
def package(tmp_path: Path, card: Card) -> Path:
    write_package(tmp_path / "deck.apkg", [note_for(card, card.deck, 5)])
    return tmp_path / "deck.apkg"


@pytest.fixture
def database(package: Path) -> bytes:
    """A whole collection of schema 11."""
    with zipfile.ZipFile(package) as archive:
        return archive.read("collection.anki2")


@pytest.fixture
def collection(tmp_path: Path, database: bytes) -> Path:
    path = tmp_path / "Ada" / "collection.anki2"
    path.parent.mkdir()
    path.write_bytes(database)
    settle(path)
    return path


def settle(path: Path) -> None:
    """As if it had been written a while ago."""
    os.utime(path, (1_700_000_000, 1_700_000_000))


def changed(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.create_collation("unicase", lambda a, b: (a > b) - (a < b))
        connection.executescript(script)
    settle(path)
    return path


def archive(path: Path, **members: bytes) -> Path:
    """A zip; `__` in a name is a dot."""
    with zipfile.ZipFile(path, "w") as written:
        for name, data in members.items():
            written.writestr(name.replace("__", "."), data)
    return path


def refused(path: Path) -> str:
    """Why it cannot be looked at; the path stands in front, and what to do is told, too."""
    with pytest.raises(ItemError) as caught, open_anki_contents(path):
        pytest.fail("it was opened")
    assert caught.value.message.startswith(f"{path}: ")
    assert caught.value.hint
    return caught.value.message.removeprefix(f"{path}: ")


# --- what can be looked at ------------------------------------------------------------------


def test_a_collection_is_seen_and_its_copy_is_gone_afterwards(collection, card, rooms):
    with open_anki_contents(collection) as view:
        (note,) = view.iter_notes()
        assert (note.guid, note.mod, view.profile, view.kind) == (
            card.guid, 5, "Ada", AnkiReadMethod.COLLECTION,
        )  # fmt: skip
        assert len(list(rooms.iterdir())) == 1
    assert list(rooms.iterdir()) == []
    with (
        pytest.raises(OSError, match="of the one who looks"),
        open_anki_contents(collection),
    ):
        raise OSError("of the one who looks")
    assert list(rooms.iterdir()) == []
    refused(changed(collection, "update col set ver = 99"))
    assert list(rooms.iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["collection__anki2", "collection__anki21", "collection__anki21b"]
)
def test_each_make_of_export_is_seen_and_a_newer_one_first(
    tmp_path, database, card, kind
):
    decoy = b"not looked at"
    older = {
        name: decoy for name in ("collection__anki2", "collection__anki21") if name < kind
    }
    data = compress(database) if kind.endswith("b") else database
    path = archive(tmp_path / "x.APKG", **older, **{kind: data})
    with open_anki_contents(path) as view:
        assert [note.guid for note in view.iter_notes()] == [card.guid]
        assert (view.kind, view.is_complete, view.created_at) == (
            AnkiReadMethod.APKG,
            False,
            0,
        )
    with open_anki_contents(path.rename(tmp_path / "x.ColPkg")) as view:
        assert (view.kind, view.is_complete) == (AnkiReadMethod.COLPKG, True)


# --- what cannot ----------------------------------------------------------------------------


def test_files_that_are_no_collection_say_so(tmp_path):
    assert refused(tmp_path / "gone" / "collection.anki2") == "no such file"
    assert refused(tmp_path) == "not a file"
    (tmp_path / "loop.anki2").symlink_to(tmp_path / "loop.anki2")
    assert refused(tmp_path / "loop.anki2").startswith("cannot be copied")
    os.mkfifo(tmp_path / "pipe.apkg")
    assert refused(tmp_path / "pipe.apkg") == "not a file"
    for data in (b"", b"PK", b"Q: a\nA: b\n", b"SQLite format 2\0" * 100):
        (tmp_path / "collection.anki2").write_bytes(data)
        assert refused(tmp_path / "collection.anki2").startswith(
            "neither an Anki collection nor"
        )
    assert refused(tmp_path / "collection.anki2" / "below") == "no such file"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied", "x"), "permission denied"),
        (
            OSError(28, "No space left on device"),
            "cannot be copied: No space left on device",
        ),
    ],
)
def test_what_cannot_be_copied_says_so(collection, monkeypatch, rooms, error, says):
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("shutil.copyfile", fails)
    assert refused(collection) == says
    assert list(rooms.iterdir()) == []


@pytest.mark.parametrize("times", [2, 1000])
def test_a_collection_that_changed_while_it_was_copied_is_copied_again_for_a_while(
    collection, database, monkeypatch, times
):
    monkeypatch.setattr(collection_module, "_PAUSE_SECONDS", 0)
    left = list(range(times))
    real = shutil.copyfile

    def copy(source: Path, target: Path) -> None:
        """Anki writes after the first file was copied."""
        real(source, target)
        if left:
            at = left.pop()
            os.utime(collection, ns=(at, at))

    monkeypatch.setattr("shutil.copyfile", copy)
    if times > 2:
        assert refused(collection).startswith("kept changing")
        assert left
        return
    with open_anki_contents(collection) as view:
        assert len(list(view.iter_notes())) == 1
    assert not left
    assert collection.read_bytes() == database


def test_a_collection_that_was_just_written_is_not_copied_yet(collection, monkeypatch):
    """Anki may write it again within the same tick of the clock."""
    monkeypatch.setattr(collection_module, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(collection_module, "_TICK_SECONDS", 3600)
    os.utime(collection)
    assert refused(collection).startswith("kept changing")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "update col set ver = 19",
            "made by a newer Anki than this version supports (schema 19)",
        ),
        (
            "update col set ver = 10",
            "not a collection of Anki 2.1 or later (schema too old)",
        ),
        ("delete from col", "not a collection of Anki 2.1 or later (schema too old)"),
        ("drop table col", "not an Anki collection (no such table: col)"),
        ("drop table revlog", "not an Anki collection (no table revlog)"),
        ("update col set ver = 18", "not an Anki collection (no table decks)"),
        ("update col set decks = '['", "its decks cannot be read"),
        ("update col set models = '{\"1\": {}}'", "its models cannot be read"),
        (
            "drop table graves; create view graves as with recursive n(oid, type) as"
            " (select 1, 1 union all select oid + 1, 1 from n) select * from n",
            "not an Anki collection (no table graves)",
        ),
    ],
)
def test_a_database_that_is_no_known_collection_says_why(collection, script, why):
    assert refused(changed(collection, script)).startswith(why)


def test_a_damaged_collection_says_so(collection, database):
    for broken in (
        database[: len(database) // 2],
        database[:4096] + b"\xaa" * len(database),
    ):
        collection.write_bytes(broken)
        settle(collection)
        assert refused(collection).startswith("is damaged or incomplete")


def test_exports_without_a_database_say_so(tmp_path, database):
    none = "it contains no Anki collection"
    assert refused(archive(tmp_path / "a.apkg", media=b"{}")) == none
    assert refused(archive(tmp_path / "b.apkg")) == none
    for number, member in (
        (b"\x08\x03", "collection__anki21"),
        (b"\x08\x02", "collection__anki2"),
    ):
        decoy = archive(tmp_path / "c.apkg", meta=number, **{member: database})
        assert refused(decoy) == none
    newer = archive(tmp_path / "d.apkg", meta=b"\x08\x04", collection__anki2=database)
    assert refused(newer).startswith("exported by a newer Anki")


def test_broken_exports_say_so(tmp_path, package, database):
    whole = package.read_bytes()
    cut = tmp_path / "cut.apkg"
    for size in (4, 100, len(whole) // 2, len(whole) - 40):
        cut.write_bytes(whole[:size])
        assert refused(cut).startswith("this export of Anki is broken or cut off")
    packed = compress(database)
    for data in (packed[: len(packed) // 2], b"", b"no zstd at all", packed[:-9]):
        refused(archive(cut, collection__anki21b=data))
    refused(archive(cut, collection__anki21=database[:5000]))
    data = bytearray(archive(cut, collection__anki21=database).read_bytes())
    for signature_, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(signature_) + flags_at, 1)
    cut.write_bytes(data)
    assert "is encrypted" in refused(cut)


def test_a_bomb_costs_one_error(tmp_path, rooms, monkeypatch):
    monkeypatch.setattr(collection_module, "_MAX_SMALL_DATABASE_BYTES", 4 << 20)
    zeros = bytes(1 << 20)
    packed = ZstdCompressor()
    data = b"".join([*(packed.compress(zeros) for _ in range(40)), packed.flush()])
    assert len(data) < 100_000
    bomb = archive(tmp_path / "a.apkg", collection__anki21b=data)
    assert "is larger than" in refused(bomb)
    with (
        zipfile.ZipFile(tmp_path / "b.apkg", "w", zipfile.ZIP_DEFLATED) as written,
        written.open("collection.anki21", "w") as member,
    ):
        for _ in range(40):
            member.write(zeros)
    assert "is larger than" in refused(tmp_path / "b.apkg")
    assert list(rooms.iterdir()) == []


@examples(60, HealthCheck.function_scoped_fixture)
@given(
    st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1
    )
)
def test_any_damage_gives_a_view_or_an_item_error(tmp_path, package, changes):
    for whole in (package, _stored(tmp_path, package)):
        data = bytearray(whole.read_bytes())
        for place, byte in changes:
            data[int(place * len(data))] = byte
        broken = tmp_path / "broken.apkg"
        broken.write_bytes(data)
        settle(broken)
        with suppress(ItemError), open_anki_contents(broken) as view:
            list(view.iter_notes())
            list(view.iter_reviews())


def _stored(folder: Path, package: Path) -> Path:
    """The bare collection of a package."""
    with zipfile.ZipFile(package) as opened:
        (folder / "bare.anki2").write_bytes(opened.read("collection.anki2"))
    settle(folder / "bare.anki2")
    return folder / "bare.anki2"
