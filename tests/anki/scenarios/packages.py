"""What is shipped: packages of ours, and what raw changes make of them.

Packages are written by `write_package`; a raw change turns one into what another writer, or a
fault, would have made.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ankiforge.anki.notetypes import DESIGN_MOD, note_type
from ankiforge.anki.package import write_package
from ankiforge.model import Family, HighlightKey, Note, guid_for, note_id

if TYPE_CHECKING:
    from .bench import Bench

NOW = int(time.time())
SEEN = "seen"
"""As a mod: one more than what a look at Anki shows."""
LATER = NOW + 50_000
"""As a mod: after whatever a person does in these tests, within a day."""
ALWAYS, NEVER = 1, 2
"""Of Anki's import options; 0, the default, is "if newer"."""
DECK = "Reading"
BASIC = note_type(Family.BASIC)
OUR_TYPE_MOD = DESIGN_MOD
TYPE_MOD = 1_500_000_000
"""As the mod of a note type: newer than ours, older than this day."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A note to be shipped; its mod is known when it is."""

    note: Note
    mod: int | str

    def ready(self, bench: Bench) -> Note:
        mod = self.mod
        if mod == SEEN:
            mod = bench.anki.note(self.note.guid).mod + 1
        assert isinstance(mod, int)
        return replace(self.note, mod=mod if mod > 10**9 else first_mod(self.note) + mod)


def first_mod(note: Note) -> int:
    """The mod of a first shipping (docs/keys.md)."""
    return note_id(note.guid) // 1000


def note(
    own: str = "one", *, mod: int | str = 0, tags: str = "", deck: str = DECK, **fields: str
) -> Planned:
    """A note of ours: Basic, or Cloze if it has a Text; mod is added to that of its first shipping.

    Feedback and the spares stay empty, as in every note of ours.
    """
    family = Family.CLOZE if "Text" in fields else Family.BASIC
    guid = guid_for(HighlightKey(f"zotero:user/{own}"), family, 1)
    words = {"Front": f"{own}?", "Back": "old", "AnkiforgeId": f"af1 {guid}"} | fields
    html = tuple(words.get(name, "") for name in note_type(family).fields)
    return Planned(Note(guid, family, deck, html, tuple(tags.split()), 0), mod)


TWO = note("two")
AS_CLOZE = replace(
    note(Text="{{c1::a}}", mod=1),
    note=replace(note(Text="{{c1::a}}").note, guid=note().note.guid),
)
"""A Cloze under the guid of the Basic "one"."""


def many(count: int) -> list[Planned]:
    return [note(str(number)) for number in range(count)]


@dataclass(frozen=True, slots=True)
class Raw:
    """What a package holds, before it is closed."""

    db: sqlite3.Connection
    media: dict[str, bytes]
    anki: Any

    @contextmanager
    def kind(self) -> Iterator[dict[str, Any]]:
        """The JSON of the package's only note type."""
        [(text,)] = self.db.execute("select models from col")
        [kind] = json.loads(text).values()
        yield kind
        self.db.execute("update col set models = ?", (json.dumps({str(kind["id"]): kind}),))


Change = Callable[[Raw], object]


def sql(statement: str, *values: object) -> Change:
    return lambda raw: raw.db.execute(statement, values)


def tags(words: str) -> Change:
    return sql("update notes set tags = ?", f" {words} ")


def nid(number: int) -> tuple[Change, ...]:
    return sql("update notes set id = ?", number), sql("update cards set nid = ?", number)


def sha1(data: bytes) -> str:
    """What Anki puts into the name of a picture whose name is taken."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def media(name: str, data: bytes) -> Change:
    return lambda raw: raw.media.update({name: data})


def kind(change: Callable[[dict[str, Any]], object], mod: int = TYPE_MOD) -> Change:
    """Change the note type; newer than ours unless told."""

    def do(raw: Raw) -> None:
        with raw.kind() as json_of:
            json_of["mod"] = mod
            change(json_of)

    return do


def css(text: str, mod: int = TYPE_MOD) -> Change:
    return kind(lambda of: of.update(css=text), mod)


def named(name: str) -> Change:
    return kind(lambda of: of.update(name=name))


def without_ids(raw: Raw) -> None:
    """As other writers do: fields and templates known by their names alone."""
    with raw.kind() as of:
        for part in (*of["flds"], *of["tmpls"]):
            part.pop("id", None)


def other_id(raw: Raw) -> None:
    """Another note type id, the same all else."""
    with raw.kind() as of:
        of["id"] = BASIC.id + 1
    raw.db.execute("update notes set mid = ?", (BASIC.id + 1,))


def field_renamed(old: str, new: str) -> Change:
    def change(of: dict[str, Any]) -> None:
        next(one for one in of["flds"] if one["name"] == old)["name"] = new
        for side in ("qfmt", "afmt"):
            for one in of["tmpls"]:
                one[side] = one[side].replace(f"{{{{{old}}}}}", f"{{{{{new}}}}}")

    return kind(change)


def template_renamed(of: dict[str, Any]) -> None:
    of["tmpls"][1]["name"] = "Backwards"


def template_added(of: dict[str, Any]) -> None:
    new = {**of["tmpls"][0], "name": "Third", "ord": 2, "qfmt": "{{Back}} third"}
    new.pop("id", None)
    of["tmpls"].append(new)


def their_template(raw: Raw) -> None:
    """The template that the person added, as it is in Anki."""
    with raw.kind() as of:
        of["tmpls"].append(raw.anki.note_type(Family.BASIC)["tmpls"][-1])


def third_cards(raw: Raw) -> None:
    """The cards of an added template, which the importer takes from the package."""
    raw.db.execute("insert into cards select id + 7, nid, did, 2, mod, usn, type, queue, due, ivl,"
                   " factor, reps, lapses, left, odue, odid, flags, data from cards")  # fmt: skip


def now_cloze(of: dict[str, Any]) -> None:
    """The same id, another kind."""
    of["type"] = 1
    of["tmpls"] = [{**of["tmpls"][0], "qfmt": "{{cloze:Front}}", "afmt": "{{cloze:Front}}"}]


def field_added(name: str, value: str = "", *, theirs: bool = False) -> Change:
    """One more field; with the id it has in Anki if it is the person's."""

    def do(raw: Raw) -> None:
        with raw.kind() as of:
            new = {**of["flds"][-1], "name": name, "ord": len(of["flds"])}
            new.pop("id", None)
            if theirs:
                kept = raw.anki.note_type(Family.BASIC)["flds"][-1]
                assert kept["name"] == name
                new["id"] = kept["id"]
            of["flds"].append(new)
            of["mod"] = TYPE_MOD
        raw.db.execute("update notes set flds = flds || char(31) || ?", (value,))

    return do


def _each_note(raw: Raw, change: Callable[[list[str]], list[str]]) -> None:
    for number, joined in raw.db.execute("select id, flds from notes").fetchall():
        fields = "\x1f".join(change(joined.split("\x1f")))
        raw.db.execute("update notes set flds = ? where id = ?", (fields, number))


def field_removed(name: str) -> Change:
    at = BASIC.fields.index(name)

    def do(raw: Raw) -> None:
        with raw.kind() as of:
            of["flds"].pop(at)
            for ordinal, one in enumerate(of["flds"]):
                one["ord"] = ordinal
            of["mod"] = TYPE_MOD
        _each_note(raw, lambda fields: fields[:at] + fields[at + 1 :])

    return do


def fields_swapped(raw: Raw) -> None:
    """Front and Back in the other order."""
    with raw.kind() as of:
        of["flds"][:2] = of["flds"][1::-1]
        for ordinal, one in enumerate(of["flds"]):
            one["ord"] = ordinal
        of["mod"] = TYPE_MOD
    _each_note(raw, lambda fields: [*fields[1::-1], *fields[2:]])


def deck_json(**changed: object) -> Change:
    """Change every deck of the package but Anki's own."""

    def do(raw: Raw) -> None:
        [(text,)] = raw.db.execute("select decks from col")
        decks = {
            number: one if number == "1" else {**one, **changed}
            for number, one in json.loads(text).items()
        }
        raw.db.execute("update col set decks = ?", (json.dumps(decks),))

    return do


def empty_deck(name: str) -> Change:
    """One more deck, with nothing in it."""

    def do(raw: Raw) -> None:
        [(text,)] = raw.db.execute("select decks from col")
        decks = json.loads(text)
        decks["77"] = {**decks["1"], "id": 77, "name": name}
        raw.db.execute("update col set decks = ?", (json.dumps(decks),))

    return do


def package(bench: Bench, notes: tuple[Planned, ...], raw: tuple[Change, ...]) -> Path:
    """A new file with the notes; each package of a bench is kept, to be imported again."""
    path = bench.folder / f"{len(bench.packages)}.apkg"
    write_package(path, [one.ready(bench) for one in notes])
    if raw:
        _alter(path, bench, raw)
    bench.packages.append(path)
    return path


def _alter(path: Path, bench: Bench, changes: tuple[Change, ...]) -> None:
    database = path.with_suffix(".db")
    with zipfile.ZipFile(path) as old:
        database.write_bytes(old.read("collection.anki2"))
    with closing(sqlite3.connect(database)) as connection:
        raw = Raw(connection, {}, bench.anki)
        for change in changes:
            change(raw)
        connection.commit()
    with zipfile.ZipFile(path, "w") as new:
        new.write(database, "collection.anki2")
        new.writestr("media", json.dumps(dict(enumerate(raw.media))))
        for at, data in enumerate(raw.media.values()):
            new.writestr(str(at), data)
