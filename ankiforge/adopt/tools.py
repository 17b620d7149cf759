"""How other tools mark their notes in Anki, and which of our fields theirs are."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ankiforge.errors import UsageError
from ankiforge.model import Family, SeenNote, SeenType


class Tool(msgspec.Struct, frozen=True):
    """One tool, and how its notes are told from others."""

    title: str
    types: str = ""
    """How the names of its note types begin."""
    tag: str = ""
    """The tag that it gives its notes."""
    key: str = ""
    """The field with its own id of the note; "" = the source has Anki's."""

    def made(self, note: SeenNote, kind: SeenType) -> bool:
        """Return whether this tool made a note, as far as the note tells."""
        return bool(
            (self.types and kind.name.startswith(self.types))
            or (self.tag and self.tag.casefold() in map(str.casefold, note.tags))
            or (self.key and self.key in kind.names)
        )


TOOLS = {
    "o2a": Tool("Obsidian_to_Anki", tag="Obsidian_to_Anki"),
    "flashcards": Tool("flashcards-obsidian", types="Obsidian-"),
    "yanki": Tool("yanki", types="Yanki - "),
    "ankiops": Tool("AnkiOps", types="AnkiOps", key="AnkiOps Key"),
}
"""By the name that `--from` takes. obsidian-spaced-repetition (`sr`) has no notes in Anki."""

_USUAL: dict[Family, dict[str, tuple[str, ...]]] = {
    Family.BASIC: {
        "Front": ("front", "question"),
        "Back": ("back", "answer"),
        "Extra": ("extra", "back extra"),
    },
    Family.CLOZE: {"Text": ("text", "front"), "Extra": ("extra", "back extra", "back")},
}
"""Our fields: usual names of them, lower case."""


def names_of(kind: SeenType, maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return our content fields and the names of their fields; {} if the note type is unclear.

    Args:
        kind: the note type.
        maps: what the person said of note types, by name.
    """
    family = Family.CLOZE if kind.cloze else Family.BASIC
    needed = {"Text"} if kind.cloze else {"Front", "Back"}
    if kind.name in maps:
        found = dict(maps[kind.name])
    else:
        present = {name.casefold(): name for name in kind.names}
        found = {
            ours: present[name]
            for ours, names in _USUAL[family].items()
            for name in names[::-1]
            if name in present
        }
        if not needed <= found.keys() and len(kind.names) == 2 and not kind.cloze:
            found = dict(zip(("Front", "Back"), kind.names, strict=True))
        if kind.cloze and "Text" not in found:
            found = {"Text": kind.names[0]}
    distinct = len({*found.values()}) == len(found)
    return found if needed <= found.keys() and distinct else {}


def read_maps(given: tuple[str, ...], kinds: tuple[SeenType, ...]) -> dict[str, dict[str, str]]:
    """Return what `--map "TYPE: Front=FIELD, Back=FIELD"` says, by note type.

    Raises:
        UsageError: it has another form, or names a field that is not there.
    """
    maps = {}
    for one in given:
        name, _, rest = one.rpartition(":")
        kind = next((kind for kind in kinds if kind.name == name.strip()), None)
        pairs = [[part.strip() for part in pair.split("=", 1)] for pair in rest.split(",")]
        if kind is None:  # no note has it
            continue
        ours = {*_USUAL[Family.CLOZE if kind.cloze else Family.BASIC]}
        for pair in pairs:
            if len(pair) != 2 or pair[0] not in ours or pair[1] not in kind.names:
                said = f"ours are {', '.join(sorted(ours))}; theirs {', '.join(kind.names)}"
                raise UsageError(f"--map {one}: {said}", hint=_FORM)
        maps[kind.name] = dict(pairs)
    return maps


_FORM = '--map "My type: Front=Word, Back=Meaning"'
