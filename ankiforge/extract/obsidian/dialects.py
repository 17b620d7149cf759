"""The card syntaxes of plug-ins for Obsidian, and the folders of templates.

Both are as the plug-ins were told, in the files that they keep in the vault.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ankiforge.model import Problem

if TYPE_CHECKING:  # the reader of Markdown is loaded when a note is read
    from ankiforge.extract.markdown.cards import Syntax

_PATTERN = re.compile(r"(\S+?)\[123(?P<after>[^\]]+)\]answer\[(?P<before>[^\]]+)hint\](\S+)")
"""A pattern of clozes that is read: signs, a number, the answer, a hint; `==[123;;]answer[;;hint]==`."""
_SIGNS = {"==": "==", "**": "bold", "{{": "{{"}


class _Osr(msgspec.Struct, frozen=True, rename="camel"):
    """What obsidian-spaced-repetition was told, with its own names and defaults."""

    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends a card over several lines; "" = an empty line."""
    cloze_patterns: tuple[str, ...] = ("==[123;;]answer[;;hint]==",)
    flashcard_tags: tuple[str, ...] = ("#flashcards",)
    """Only notes with one of these tags contain cards; () = all notes."""
    convert_folders_to_decks: bool = False
    """Whether all notes contain cards, whatever their tags."""


class _Flashcards(msgspec.Struct, frozen=True, rename="camel"):
    """What flashcards-obsidian was told, with its own names and defaults."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"


class Dialects(msgspec.Struct, frozen=True):
    """The dialects that the settings name, in their order, as their plug-ins were told."""

    names: tuple[str, ...] = ()
    osr: _Osr = _Osr()
    flashcards: _Flashcards = _Flashcards()

    def syntax(self, text: str, tags: Collection[str]) -> Syntax | None:
        """Return how cards are written in a note, None if no plug-in reads it.

        `tags` are those of its front matter.
        """
        of = {"osr": self._of_osr, "o2a": self._of_o2a, "flashcards": self._of_flashcards}
        found = [one for name in self.names if (one := of[name](text, tags))]
        first = found[0] if found else None
        for one in (
            found[1:] if first else ()
        ):  # what several plug-ins read differently is read as the first does
            assert first
            first = first._replace(
                line={**one.line, **first.line},
                block={**one.block, **first.block},
                end=first.end or one.end,
                gaps=first.gaps._replace(signs=first.gaps.signs | one.gaps.signs),
                tags=first.tags + one.tags,
                fields=first.fields or one.fields,
            )
        return first

    def _of_osr(self, text: str, tags: Collection[str]) -> Syntax | None:
        from ankiforge.extract.markdown.cards import Syntax
        from ankiforge.extract.markdown.tokens import Gaps

        told = self.osr
        wanted = () if told.convert_folders_to_decks else told.flashcard_tags
        names = [re.escape(tag.strip("#")) for tag in wanted]
        named = re.compile(rf"(?:{'|'.join(names)})(?:/.*)?", re.IGNORECASE)
        inside = re.compile(rf"(?<!\S)#(?:{'|'.join(names)})(?![\w-])", re.IGNORECASE)
        if names and not (any(map(named.fullmatch, tags)) or inside.search(text)):
            return None
        line = {
            told.single_line_reversed_card_separator: True,
            told.single_line_card_separator: False,
        }
        block = {
            told.multiline_reversed_card_separator: True,
            told.multiline_card_separator: False,
        }
        patterns = [one for each in told.cloze_patterns if (one := _PATTERN.fullmatch(each))]
        after, before = (
            "|".join(dict.fromkeys(re.escape(one[name]) for one in patterns)) or "(?!)"
            for name in ("after", "before")
        )
        answer = re.compile(
            rf"(?:(?:(?P<numbers>\d+)|[ash]+)(?:{after}))?(?P<answer>.+?)(?:(?:{before})(?P<hint>.+))?",
            re.S,
        )
        signs = frozenset(_SIGNS[one[1]] for one in patterns if one[1] in _SIGNS)
        return Syntax(
            {sign: two_way for sign, two_way in line.items() if sign.strip()},
            {sign: two_way for sign, two_way in block.items() if sign.strip()},
            told.multiline_card_end_marker.strip(),
            Gaps(signs, answer),
            declared=True,
        )

    def _of_o2a(self, text: str, tags: Collection[str]) -> Syntax:
        from ankiforge.extract.markdown.cards import Syntax
        from ankiforge.extract.markdown.tokens import Gaps

        gaps = Gaps(frozenset(("==", "{")), _NUMBERED)
        return Syntax({"::": False}, {}, "", gaps, ("flashcard",), fields=True, declared=True)

    def _of_flashcards(self, text: str, tags: Collection[str]) -> Syntax:
        from ankiforge.extract.markdown.cards import Syntax
        from ankiforge.extract.markdown.tokens import Gaps

        told = self.flashcards
        line = {told.inline_separator_reverse: True, told.inline_separator: False}
        line = {sign: two_way for sign, two_way in line.items() if sign.strip()}
        gaps = Gaps(frozenset(("==", "{")), _NUMBERED, together=True)
        return Syntax(line, {}, "", gaps, (told.flashcards_tag.lstrip("#"),), declared=True)


_NUMBERED = re.compile(
    r"(?:c?(?P<numbers>\d{1,3})(?:::?|\|))?(?P<answer>.+?)(?P<hint>(?!))?", re.DOTALL
)


_FOLDERS = {"osr": "obsidian-spaced-repetition", "flashcards": "flashcards-obsidian"}


def read_dialects(vault: Path, names: tuple[str, ...]) -> tuple[Dialects, list[Problem]]:
    """Return the dialects of these names, and the plug-ins' files that cannot be read.

    A plug-in without a file uses its defaults, and so does our reader.
    """
    found, problems = Dialects(names), []
    for name, folder in _FOLDERS.items():
        path = vault / ".obsidian" / "plugins" / folder / "data.json"
        if name not in names or not path.exists():
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


def template_folders(vault: Path) -> Iterator[str]:
    """Yield the folders of templates that plug-ins were told, below the vault."""
    for name, key in _TEMPLATES.items():
        with suppress(OSError, ValueError):
            data = msgspec.json.decode((vault / ".obsidian" / name).read_bytes(), type=dict)
            folder = data.get(key)
            if isinstance(folder, str) and folder.strip("/"):
                yield folder.strip("/")
