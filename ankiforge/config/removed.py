"""Settings that no longer exist: one table, which says of each why, or what to do instead."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ankiforge.config.yamlfile import Location, Step

REMOVED: dict[str, str] = {
    "checks": "every check has its fixed number and severity: docs/checks.md",
    "decks": "the deck files of a workspace are decks/*.yaml",
    "decks.colours.*.prompt": "a prompt belongs to a deck: `prompt:` of its deck file",
    "llm.headers": "no server needs any but the key's, which the program sends",
    "llm.tags": "a model's guesses at Bloom levels and difficulty are not kept",
    "llm.timeout_s": "the time-outs are fixed: docs/models.md",
    "llm.total_s": "the time-outs are fixed: docs/models.md",
    "llm.verify": "no second model answers the cards' questions; the checks and you judge drafts",
    "llm.verify_model": "no second model answers the cards' questions",
    "package": "a build writes one package; `build --deck NAME` writes that of one deck",
    "rules": "there is one set of offline rules",
    "sources.obsidian.cards: logseq": "cards of Logseq are not read",
    "sources.obsidian.cards: remnote": "cards of RemNote are not read",
    "sources.obsidian.cards: yanki": "cards of yanki are not read",
    "sources.obsidian.flashcards": "the plugin's own settings in the vault are used",
    "sources.obsidian.o2a": "all styles of Obsidian_to_Anki are read",
    "sources.obsidian.osr": "the plugin's own settings in the vault are used",
    "sources.obsidian.yanki": "cards of yanki are not read",
    "sources.zotero.api: auto": "write local or web; leave `api` out to read the folder",
    "sources.zotero.api: none": "leave `api` out to read the folder",
}
"""The reason by setting. To remove a setting, add a row.

A key is written with dots, without the numbers of list items, and `*` for any kind of source:
`sources.*.cards`. Keys of deck files begin with `decks.`. A value, or one word of a list, that no
longer exists follows a colon: `sources.zotero.api: auto`. A setting below another needs no row if
that one has a row."""


def refuse_removed(data: object, where: Location, within: str = "") -> None:
    """Check that none of the settings in `data` is a removed one.

    Args:
        data: the plain data of a file.
        where: its top.
        within: what comes before its keys in the table.

    Raises:
        ConfigError: it contains one; with the file, line, key and reason.
    """
    for steps, name in _names(data, (), within):
        for removed, reason in REMOVED.items():
            if fnmatchcase(name, removed):
                value = name.partition(": ")[2]
                what = f"{value!r} no longer exists" if value else "this setting no longer exists"
                raise where.at(*steps).error(what, reason)


def _names(
    data: object, steps: tuple[Step, ...], name: str
) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield the place and the name of each key and of each value."""
    if isinstance(data, dict):
        for key, value in data.items():
            below = f"{name}.{key}" if name else str(key)
            yield (*steps, key), below
            yield from _names(value, (*steps, key), below)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _names(item, (*steps, number), name)
    else:
        yield steps, f"{name}: {data}"
