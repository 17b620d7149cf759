"""The note types of the user's that the settings name (`note_types`), as they are in Anki.

A note type is read from the newest view of Anki, with its id, fields, templates and CSS:
a package that has it otherwise would make a second one beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ankiforge.config import BasicType, ClozeType, Config, NoteTypes
from ankiforge.config.yamlfile import Location, suggestion
from ankiforge.ledger import Ledger
from ankiforge.model import Family, MappedType, SeenType
from ankiforge.pipeline.collection import seen_types

# The name of a setting in the ledger: the ids of note types by the names they had.
_IDS_BY_NAME = "mapped types"


def mapped_types(config: Config, ledger: Ledger) -> dict[Family, MappedType]:
    """Return the note types in which new cards are shipped, other than ours.

    Args:
        config: the settings.
        ledger: has the newest view of Anki.

    Raises:
        ConfigError: Anki has no such type, or it does not fit, or Anki was never read.
    """
    if config.note_types == NoteTypes():
        return {}
    types = seen_types(ledger)
    stored = ledger.get_value(_IDS_BY_NAME, dict[str, int]) or {}
    ids_by_name = dict(stored)
    where = config.where.at("note_types")
    mapped: dict[Family, MappedType] = {}
    named = (
        (Family.BASIC, config.note_types.basic),
        (Family.CLOZE, config.note_types.cloze),
    )
    for family, wanted in named:
        if wanted is None:
            continue
        place = where.at(family.value)
        note_type = _named(wanted.name, types, ids_by_name, place.at("name"))
        _check_fit(note_type, family, wanted, place)
        ids_by_name[note_type.name] = note_type.id
        names = wanted.fields.names
        id_of = dict(note_type.fields)
        ids = {}
        for ours, name in names.items():
            id = id_of[name]
            if id is not None:
                ids[ours] = id
        mapped[family] = MappedType(note_type.id, note_type.name, names, ids)
    if ids_by_name != stored:
        ledger.set_value(_IDS_BY_NAME, ids_by_name)
    return mapped


def _named(
    name: str,
    types: Mapping[int, SeenType],
    ids_by_name: Mapping[str, int],
    where: Location,
) -> SeenType:
    """Return the note type with a name.

    Raises:
        ConfigError: Anki has none, or was never read.
    """
    from ankiforge.anki.notetypes import family_of

    if not types:
        message = f"Anki was not read yet, so the note type {name!r} is not known"
        hint = (
            "start Anki once on this computer, or set anki.collection; or export a deck that has"
            " such a note: ankiforge pull --apkg FILE"
        )
        raise where.error(message, hint)
    for note_type in types.values():
        if note_type.name == name:
            if family_of(note_type.id):
                raise where.error(
                    f"{name!r} is ankiforge's own",
                    "leave it out of note_types",
                )
            return note_type
    renamed = types.get(ids_by_name.get(name, 0))
    if renamed:
        message = f"the note type {name!r} is called {renamed.name!r} in Anki now"
        raise where.error(message, f"name: {renamed.name}")
    names = [
        note_type.name for note_type in types.values() if not family_of(note_type.id)
    ]
    raise where.error(f"Anki has no note type {name!r}", suggestion(name, names))


def _check_fit(
    note_type: SeenType,
    family: Family,
    wanted: BasicType | ClozeType,
    where: Location,
) -> None:
    """Check that cards of a family can be notes of a type.

    Raises:
        ConfigError: they cannot.
    """
    from ankiforge.anki.templates import ordinals_in, shows_cloze

    is_cloze = family is Family.CLOZE

    # it makes cards of this kind
    if note_type.family is not family:
        actual = "is a cloze note type" if note_type.cloze else "is no cloze note type"
        hint = f"name another one here, or move it to note_types.{note_type.family.value}"
        raise where.at("name").error(f"{note_type.name!r} {actual}", hint)

    # it has all fields that the settings name
    names = wanted.fields.names
    for ours, name in names.items():
        if name not in note_type.names:
            message = f"{note_type.name!r} has no field {name!r}"
            hint = suggestion(name, note_type.names)
            raise where.at("fields", ours).error(message, hint)

    # its first field is filled: Anki refuses notes without it
    needed = [names[ours] for ours in family.needed_fields]
    first = note_type.names[0]
    if first not in needed:
        message = (
            f"Anki needs {first!r}, the first field of {note_type.name!r},"
            " and nothing goes there"
        )
        always_there = " or ".join(family.needed_fields)
        raise where.at("fields").error(message, f"put {always_there} into {first!r}")

    # a template asks for what is to be asked
    asked = names["Text"] if is_cloze else names["Front"]
    if is_cloze:
        makes_cards = shows_cloze(note_type, asked)
    else:  # of the fields that are always filled
        filled = {name: "x" if name in needed else "" for name in note_type.names}
        makes_cards = bool(ordinals_in(note_type, filled))
    if not makes_cards:
        placeholder = f"cloze:{asked}" if is_cloze else asked
        message = f"no card template of {note_type.name!r} asks {{{{{placeholder}}}}}"
        hint = "choose another field, or change the template in Anki"
        raise where.at("fields").error(message, hint)
