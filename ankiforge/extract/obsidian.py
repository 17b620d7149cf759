"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The notes are read by `markdown`. How plug-ins write cards in them, and which folders hold templates,
is read from the files that the plug-ins keep in the vault. Nothing is written into a vault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import quote

import msgspec

from ankiforge.extract import SourceSettings
from ankiforge.extract.files import matcher
from ankiforge.extract.folder import File, Folder
from ankiforge.extract.markdown import CARDS, HandWritten, Note, NoteSource
from ankiforge.model import Document, DocumentKey, Problem, Sighting, Strings, Value, h16
from ankiforge.text import regex

if TYPE_CHECKING:  # the reader of Markdown is loaded when a note is read
    from ankiforge.extract.markdown.cards import Syntax

Mark = Literal["==", "mark", "bold", "callout"]
"""What may be read as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
OfTools = Literal["osr", "o2a", "flashcards"]
"""Dialects: obsidian-spaced-repetition, Obsidian_to_Anki, flashcards-obsidian."""


class Settings(SourceSettings, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: Strings = ("**/*.md",)
    """Glob patterns of notes; as in git, one without an inner slash matches at any depth."""
    exclude: Strings = ()
    """Glob patterns to leave out; one that ends in `/` is a folder with its content."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`, but not `==` in notes for which a dialect defines its meaning."""
    cards: tuple[HandWritten | OfTools, ...] | None = None
    """None = those of a Markdown file, and the dialects of the plug-ins that are switched on."""
    glossary_headings: Strings = ()
    """Extra headings that mark a glossary section, beside glossary, definitions and key terms."""


# --- the card syntaxes of plug-ins, and the folders of templates, as the plug-ins were told ---

# The cloze patterns of obsidian-spaced-repetition that are read, and what marks such a cloze.
_CLOZE = {
    **{f"{sign}[123;;]answer[;;hint]{sign}": name for sign, name in (("==", "=="), ("**", "bold"))},
    **dict.fromkeys(("{{[123;;]answer[;;hint]}}", "{{[123::]answer[::hint]}}"), "{{"),
}


class _Osr(Value, rename="camel"):
    """What obsidian-spaced-repetition was told, with its own names and defaults."""

    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends a card over several lines; "" = an empty line."""
    cloze_patterns: Strings = ("==[123;;]answer[;;hint]==",)
    flashcard_tags: Strings = ("#flashcards",)
    """Only notes with one of these tags contain cards; () = all notes."""
    convert_folders_to_decks: bool = False
    """Whether all notes contain cards, whatever their tags."""

    def reads(self, text: str, tags: Collection[str]) -> bool:
        """Return whether a note contains cards. `tags` are those of its front matter."""
        names = "|".join(re.escape(tag.strip("#")) for tag in self.flashcard_tags if tag != "")
        if not names or self.convert_folders_to_decks:
            return True
        told = "".join(f"\n#{tag}" for tag in tags)
        return bool(re.search(rf"(?i)(?<!\S)#(?:{names})(?![\w-])", text + told))


class _Flashcards(Value, rename="camel"):
    """What flashcards-obsidian was told, with its own names and defaults."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"


class Dialects(Value):
    """The dialects that the settings name, in their order, as their plug-ins were told."""

    names: Strings = ()
    osr: _Osr = _Osr()
    flashcards: _Flashcards = _Flashcards()

    def syntax(self, text: str, tags: Collection[str]) -> Syntax | None:
        """Return how cards are written in a note, None if no plug-in reads it.

        `tags` are those of its front matter. All that any plug-in reads is a card.
        """
        from ankiforge.extract.markdown.cards import Syntax
        from ankiforge.extract.markdown.tokens import Gaps

        osr, flashcards = self.osr, self.flashcards
        names = [name for name in self.names if name != "osr" or osr.reads(text, tags)]
        if not names:
            return None
        line, block, signs, questions = {"::": False}, {**Syntax().block}, {"==", "{"}, []
        if "osr" in names:
            line = _ways(osr.single_line_reversed_card_separator, osr.single_line_card_separator)
            block = _ways(osr.multiline_reversed_card_separator, osr.multiline_card_separator)
            of_osr = {sign for pattern, sign in _CLOZE.items() if pattern in osr.cloze_patterns}
            signs = of_osr if names == ["osr"] else signs | of_osr
        if "o2a" in names:
            line, questions = {"::": False} | line, ["flashcard"]
        if "flashcards" in names:
            line = _ways(flashcards.inline_separator_reverse, flashcards.inline_separator) | line
            questions.append(flashcards.flashcards_tag.lstrip("#"))
        return Syntax(
            line,
            block,
            osr.multiline_card_end_marker.strip() if block else "",
            Gaps(frozenset(signs), together=names[0] == "flashcards"),
            tuple(questions),
            fields="o2a" in names,
            declared=True,
        )


def _ways(two_way: str, one_way: str) -> dict[str, bool]:
    """Return what separates the sides of a card, and whether it is two-way."""
    return {sign: sign == two_way for sign in (two_way, one_way) if sign.strip()}


PLUGINS = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "obsidian-to-anki-plugin",
    "flashcards": "flashcards-obsidian",
}
"""By dialect: the plugin's id, which is also the name of its folder."""


def switched_on(vault: Path) -> tuple[Strings | None, Problem | None]:
    """Return the dialects of the plugins that are switched on in a vault.

    A plugin's folder alone says nothing: it stays when the plugin is switched off.

    Returns:
        The dialects, None if that cannot be read, and then the problem.
    """
    path = vault / ".obsidian" / "community-plugins.json"
    if not path.exists():
        return (), None
    try:
        listed = msgspec.json.decode(path.read_bytes(), type=list[str])
    except (OSError, ValueError, RecursionError) as error:
        what = f"the list of plugins cannot be read, so cards are read as before: {error}"
        hint = "switch any plugin off and on again in Obsidian"
        return None, Problem(path.relative_to(vault).as_posix(), what, hint)
    return tuple(name for name, plugin in PLUGINS.items() if plugin in listed), None


def read_dialects(vault: Path, names: Strings) -> tuple[Dialects, list[Problem]]:
    """Return the dialects of these names, and the plug-ins' files that cannot be read.

    A plug-in without a file uses its defaults, and so does our reader.
    """
    found, problems = Dialects(names), []
    for name, folder in PLUGINS.items():
        path = vault / ".obsidian" / "plugins" / folder / "data.json"
        if name not in names or name == "o2a" or not path.exists():
            continue
        try:
            data = msgspec.json.decode(path.read_bytes(), type=dict)
            told = msgspec.convert(data.get("settings", data), type(getattr(found, name)))
        except (OSError, ValueError, RecursionError) as error:
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


# --- the vault ---------------------------------------------------------------------------------

# Files that editors leave behind.
_JUNK = regex(r"(?i)~\$|.*(?:~|\.tmp|\.swp)$")
# Files that may contain marks and are not read.
_DRAWING = regex(r"(?i).*(?:\.excalidraw\.md|\.canvas)$")
# A line that Excalidraw writes into a drawing; it is not a mark.
_BANNER = regex(r"(?m)^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*")
_MARK = regex(rb"(?<!=)==(?![=\s]|\xe2\x9a\xa0)[^\r\n=]+(?<!\s)==(?!=)")


@dataclass(frozen=True)
class Vault(NoteSource):
    """The notes of one vault."""

    dialects: Dialects = Dialects()  # noqa: RUF009 - frozen
    problems: tuple[Problem, ...] = ()
    """Settings of plugins that cannot be read."""
    switched_on: Strings | None = None
    """The dialects of the plugins that are switched on; None = the settings name the dialects, or
    it is unknown."""
    by_plugins: bool = False
    """Whether the plugins decide on the dialects, because the settings name none."""

    kind = "vault"
    own_cards: ClassVar[Strings] = CARDS

    def read_by(self, names: Strings) -> Vault:
        """Return the same vault, with the cards of these plugins' dialects."""
        folder = self.folder
        settings = msgspec.structs.replace(self.settings, cards=None)
        vault = _vault(folder.name, folder.root, settings, folder.only, names)
        shared = msgspec.structs.replace(vault.folder, count=folder.count)
        problems = tuple(dict.fromkeys((*vault.problems, *self.problems)))
        return replace(vault, folder=shared, switched_on=self.switched_on, problems=problems)

    def notices(self) -> Iterator[Problem]:
        """Yield the plugins whose settings cannot be read, and the drawings that hold marks."""
        yield from self.problems
        drawings = set(filter(_DRAWING.match, (self.folder.others or {}).values()))
        if marked := [] if self.folder.only else sorted(filter(self._is_marked, drawings)):
            names = ", ".join(marked[:3]) + (", …" if marked[3:] else "")
            what = f"there are ==marks== in drawings, which are not read: {names}"
            yield Problem(self.folder.root.name, what, "mark it in an ordinary note", notice=True)

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        vault = quote(Path(os.path.realpath(self.folder.root)).name, safe="")
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=file.path.rpartition("/")[2].rpartition(".")[0],
            path=file.path,
            uri=f"obsidian://open?vault={vault}&file={quote(file.path[:-3], safe='')}",
        )
        marks = ("==", "mark") if self.settings.marks is None else self.settings.marks
        dialects = self.dialects if self.dialects.names else None
        text = _BANNER.sub("", text, count=1)
        yield from self.read_note(
            Note(text, document, frozenset(marks), dialects=dialects), picture
        )

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return f"{super().selection}\n{msgspec.json.encode(self.dialects).decode()}"

    def _is_marked(self, path: str) -> bool:
        """Return whether a drawing contains marks."""
        with suppress(OSError):
            return bool(_MARK.search((self.folder.root / path).read_bytes()))
        return False


def open_source(
    name: str, root: Path, settings: Any, only: tuple[Path, ...] = (), me: Strings = ()
) -> Vault:
    """Return a reader of the vault at `root`; `me` is ignored, because a vault has one author."""
    if settings.cards is not None:
        return _vault(name, root, settings, only)
    names, problem = switched_on(root)
    vault = _vault(name, root, settings, only, names or ())
    problems = (*vault.problems, problem) if problem else vault.problems
    return replace(vault, switched_on=names, problems=problems)


def _vault(
    name: str, root: Path, settings: Any, only: tuple[Path, ...], plugins: Strings = ()
) -> Vault:
    """Return a reader; `plugins` are the dialects to read if the settings name none."""
    by_plugins = settings.cards is None
    if by_plugins:
        settings = msgspec.structs.replace(settings, cards=(*plugins, *CARDS))
    names = tuple(name for name in dict.fromkeys(settings.cards) if name in PLUGINS)
    dialects, problems = read_dialects(root, names)
    templates = [f"{folder}/" for folder in template_folders(root)]
    included = matcher(settings.include, git=True)
    excluded = matcher((*settings.exclude, *templates), git=True)

    def fits(path: str) -> bool:
        junk = _JUNK.match(path.rpartition("/")[2]) or _DRAWING.match(path)
        return included(path) and not junk and not excluded(path)

    context = repr((settings, dialects, templates))
    folder = Folder("vault", name, root, only, fits, context, others={})
    return Vault(folder, settings, (), dialects, tuple(problems), by_plugins=by_plugins)
