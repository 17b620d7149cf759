"""Notes of others, as plain text: of any note type, what is asked and what is to be known.

The first template tells which fields are asked and which are answered; a cloze is read as such.
Pictures, sounds and rendered LaTeX are nothing that words could be compared by.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.schema import note_types
from ankiforge.model import Fields, ForeignNote, SeenType

_AT_ONCE = 500
_LONGEST = 2000
"""Characters of a side that are kept; no card worth having is longer."""
_LONGEST_READ = 10_000
"""Characters of a field that are read: to read broken markup takes ever longer."""
_OURS = "af" + "[a-z2-7]" * 24

_ALL = f"select {numbers('id', 'mod')} from notes where guid not glob '{_OURS}'"
_NOTES = f"""
select n.id, {numbers("n.mod", "n.mid")}, {texts("n.flds")},
  (select iif(c.odid, c.odid, c.did) from cards c where c.nid = n.id order by c.ord limit 1)
from notes n where n.id in (%s)
"""


def changed(database: Database, known: Mapping[int, int]) -> tuple[frozenset[int], list[int]]:
    """(ids of all notes that are not ours, those of them that are new or have another mod)."""
    there = dict(database.rows(_ALL))
    return frozenset(there), [note for note, mod in there.items() if known.get(note) != mod]


def read(
    database: Database, decks: Mapping[int, str], wanted: Iterable[int]
) -> Iterator[ForeignNote]:
    """These notes, as plain text."""
    types: dict[int, SeenType | None] = {}
    left = iter(wanted)
    while batch := tuple(islice(left, _AT_ONCE)):
        marks = ",".join("?" * len(batch))
        for note, mod, kind, fields, deck in database.rows(_NOTES % marks, *batch):
            if kind not in types:
                types[kind] = next(iter(note_types(database, frozenset((kind,)))), None)
            yield ForeignNote(
                note, mod, decks.get(deck or 0, ""), _said(types[kind], fields.split("\x1f"))
            )


def _said(kind: SeenType | None, fields: list[str]) -> Fields:
    if kind is None:
        return ()
    if kind.cloze:
        text = next((field for field in fields if "{{c" in field), "")
        shown = "" if "image-occlusion:" in text else _text(text)
        return (("Text", shown),) if shown else ()
    names = {name.casefold(): at for at, (name, _) in enumerate(kind.fields)}
    front, back = _sides(kind, names)
    asked = next(filter(None, (_text(fields[at]) for at in front if at < len(fields))), "")
    known = (_text(fields[at]) for at in back if at < len(fields))
    answer = next((text for text in known if text and text != asked), "")
    return (("Front", asked), ("Back", answer)) if asked and answer else ()


def _sides(kind: SeenType, names: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """The fields that the first template asks for, and those that it answers with."""
    first = kind.templates[0] if kind.templates else None
    front = _shown(first.question, names) if first else []
    back = [at for at in _shown(first.answer, names) if at not in front] if first else []
    front = front or [0]
    return front, back or [at for at in range(len(names)) if at not in front]


_HOLE = re.compile(r"\{\{([^{}#^/]+)\}\}")


def _shown(template: str, names: Mapping[str, int]) -> list[int]:
    """The fields of a template, in order: `{{text:Front}}`, `{{type:Back}}`."""
    holes = (hole.rpartition(":")[2].strip().casefold() for hole in _HOLE.findall(template))
    return list(dict.fromkeys(names[hole] for hole in holes if hole in names))


_DROPPED = re.compile(
    r"<(style|script)\b.*?(?:</\1\s*>|\Z)|\[sound:[^\]]*\]|\[latex\].*?(?:\[/latex\]|\Z)"
    r"|\[\$\$?\].*?(?:\[/\$\$?\]|\Z)|\[anki:[^\]]*\]",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/?div|/?p|/?li|hr|/?tr)\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)


_EMBEDDED = re.compile(r"data:[^\s\"'<>]{100,}")
"""The bytes of a picture."""
_CUT = re.compile(r"<[^<>]*\Z")
"""A tag that was cut through."""


def _text(field: str) -> str:
    if len(field) > _LONGEST_READ:
        field = _CUT.sub("", _EMBEDDED.sub("", field)[:_LONGEST_READ])
    if "<" in field or "[" in field:
        field = _TAG.sub("", _BREAK.sub(" ", _DROPPED.sub(" ", field)))
    if "&" in field:
        field = html.unescape(field)
    return " ".join(field.split())[:_LONGEST]
