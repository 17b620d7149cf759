"""The tools whose notes can be taken over, and the fields of their note types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ankiforge.errors import UsageError
from ankiforge.model import Family, SeenNote, SeenType, Strings, Texts, Value


class Tool(Value):
    """One tool, and how its notes are recognised."""

    title: str
    types: str = ""
    """How the names of its note types begin."""
    tag: str = ""
    """The tag that it gives its notes."""

    def made(self, note: SeenNote, note_type: SeenType) -> bool:
        """Return whether this tool made a note, as far as the note shows."""
        if self.types and note_type.name.startswith(self.types):
            return True
        return bool(self.tag) and self.tag.casefold() in map(str.casefold, note.tags)


TOOLS = {
    "o2a": Tool("Obsidian_to_Anki", tag="Obsidian_to_Anki"),
    "flashcards": Tool("flashcards-obsidian", types="Obsidian-"),
}
"""By the name that `--from` takes. obsidian-spaced-repetition (`sr`) has no notes in Anki."""

# The usual names of our fields in other note types, in lower case, the likeliest first.
_USUAL_NAMES: dict[Family, dict[str, Strings]] = {
    Family.BASIC: {
        "Front": ("front", "question"),
        "Back": ("back", "answer"),
        "Extra": ("extra", "back extra"),
    },
    Family.CLOZE: {
        "Text": ("text", "front"),
        "Extra": ("extra", "back extra", "back"),
    },
}

_EXAMPLE = '--map "My type: Front=Word, Back=Meaning"'


def names_of(note_type: SeenType, maps: Mapping[str, Texts]) -> Texts:
    """Return our content fields and the names of their fields; {} if the note type is unclear.

    Args:
        note_type: the note type.
        maps: what the person said about note types, by name.
    """
    if note_type.name in maps:
        names = dict(maps[note_type.name])
    else:
        names = _usual_names_in(note_type)
    needed = set(note_type.family.needed_fields)
    are_distinct = len(set(names.values())) == len(names)
    if needed <= names.keys() and are_distinct:
        return names
    return {}


def _usual_names_in(note_type: SeenType) -> dict[str, str]:
    """Return the fields of a note type that have usual names, by our names."""
    present = {name.casefold(): name for name in note_type.names}
    names_by_ours: dict[str, str] = {}
    for our_name, usual_names in _USUAL_NAMES[note_type.family].items():
        for usual_name in usual_names:
            if usual_name in present:
                names_by_ours[our_name] = present[usual_name]
                break
    if note_type.cloze:
        return names_by_ours if "Text" in names_by_ours else {"Text": note_type.names[0]}
    has_both_sides = {"Front", "Back"} <= names_by_ours.keys()
    if not has_both_sides and len(note_type.names) == 2:
        return {"Front": note_type.names[0], "Back": note_type.names[1]}
    return names_by_ours


def read_maps(given: Strings, note_types: Sequence[SeenType]) -> dict[str, Texts]:
    """Return the fields that `--map "TYPE: Front=FIELD, Back=FIELD"` names, by note type.

    A note type that Anki does not have is left out: no note has it.

    Raises:
        UsageError: it has another form, or names a field that is not there.
    """
    by_name = {note_type.name: note_type for note_type in note_types}
    maps: dict[str, Texts] = {}
    for text in given:
        name, _, rest = text.rpartition(":")
        note_type = by_name.get(name.strip())
        if note_type is not None:
            maps[note_type.name] = _read_map(text, rest, note_type)
    return maps


def _read_map(text: str, pairs: str, note_type: SeenType) -> Texts:
    """Return the names of our fields in a note type, of `Front=Word, Back=Meaning`."""
    ours = set(_USUAL_NAMES[note_type.family])
    names: dict[str, str] = {}
    for pair in pairs.split(","):
        our_name, equals, their_name = pair.partition("=")
        our_name = our_name.strip()
        their_name = their_name.strip()
        if not equals or our_name not in ours or their_name not in note_type.names:
            known = (
                f"ours are {', '.join(sorted(ours))}; theirs {', '.join(note_type.names)}"
            )
            raise UsageError(f"--map {text}: {known}", hint=_EXAMPLE)
        names[our_name] = their_name
    return names
