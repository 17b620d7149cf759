"""The settings of other tools' plugins, as the plugins keep them in the vault."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from ankiforge.model import Problem

CLOZE = "==[123;;]answer[;;hint]=="
"""The plugin's default pattern of a cloze."""


class OsrSettings(msgspec.Struct, frozen=True, rename="camel"):
    """What obsidian-spaced-repetition was told, with its own names and defaults."""

    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends a multi-line card; "" = an empty line."""
    cloze_patterns: tuple[str, ...] = (CLOZE,)
    flashcard_tags: tuple[str, ...] = ("#flashcards",)
    """Only notes with one of these tags contain cards; () = all notes."""
    convert_folders_to_decks: bool = False
    """Whether all notes contain cards, whatever their tags."""


class FlashcardsSettings(msgspec.Struct, frozen=True, rename="camel"):
    """What flashcards-obsidian was told, with its own names and defaults."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"


class Plugins(msgspec.Struct, frozen=True):
    """The settings of all plugins."""

    osr: OsrSettings = OsrSettings()
    flashcards: FlashcardsSettings = FlashcardsSettings()


_FOLDERS = {"osr": "obsidian-spaced-repetition", "flashcards": "flashcards-obsidian"}


def read_plugins(vault: Path, dialects: Collection[str]) -> tuple[Plugins, list[Problem]]:
    """Return what the plugins of these dialects were told, and the files that cannot be read.

    A plugin without a file uses its defaults, and so does our reader.
    """
    found, problems = Plugins(), []
    for name, folder in _FOLDERS.items():
        path = vault / ".obsidian" / "plugins" / folder / "data.json"
        if name not in dialects or not path.exists():
            continue
        try:
            data = msgspec.json.decode(path.read_bytes(), type=dict)
            told = msgspec.convert(data.get("settings", data), type(getattr(found, name)))
        except (OSError, ValueError) as error:
            what = f"the settings of {folder} cannot be read, so its defaults are used: {error}"
            where = path.relative_to(vault).as_posix()
            problems.append(Problem(where, what, "open the plugin's settings in Obsidian"))
        else:
            found = msgspec.structs.replace(found, **{name: told})
    return found, problems


_TEMPLATES = {
    "templates.json": "folder",  # Obsidian's own plugin
    "plugins/templater-obsidian/data.json": "templates_folder",
}


def template_folders(vault: Path) -> list[str]:
    """Return the folders of templates that plugins were told, below the vault."""
    found = []
    for name, key in _TEMPLATES.items():
        with suppress(OSError, ValueError):
            data = msgspec.json.decode((vault / ".obsidian" / name).read_bytes(), type=dict)
            found += [data[key].strip("/")] if isinstance(data.get(key), str) else []
    return [folder for folder in found if folder]
