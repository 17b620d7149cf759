"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The notes are read by `markdown`. How plugins write cards in them is read from the files
that the plugins keep in the vault (`plugins`), and so are the folders of templates.
Nothing is written into a vault.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self
from urllib.parse import quote

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Opening, SourceSettings
from ankiforge.extract.files import matcher, read_settings
from ankiforge.extract.folder import File, Folder
from ankiforge.extract.markdown import (
    CARDS,
    HandWritten,
    MarkdownNote,
    NotePart,
    NoteSource,
    title_of,
)
from ankiforge.extract.markdown.plugins import (
    PLUGINS,
    Dialects,
    Searcher,
    plugins_of,
    read_dialects,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    Json,
    LeftOut,
    Problem,
    Strings,
    Unmarked,
    h16,
)
from ankiforge.text import counted, regex
from ankiforge.text.fold import outside
from ankiforge.text.private import IN_ITS_NOTE, has_tag

_MARK_OF_LOGSEQ = regex(r"\^\^(?=[^\s^])([^\n^]{1,1000})(?<=\S)\^\^")
_TASK_OF_LOGSEQ = regex(
    r"(?m)^([ \t]*-[ \t]+)(?:(?:TODO|DOING|DONE|NOW|LATER|WAITING|CANCELL?ED)[ \t]+"
    r"(?:\[#[ABC]\][ \t]+)?|\[#[ABC]\][ \t]+)(?=\S)"
)
# Behind a picture, its size; in a cloze, its number as its plug-in for Anki has it, and the cue
# behind its words.
_SIZE_OF_LOGSEQ = regex(r"(!\[[^\[\]\n]{0,500}\]\([^()\n]{1,500}\))\{:[^{}\n]{1,200}\}")
_CLOZE_OF_LOGSEQ = regex(r"\{\{(c\d{1,3}) (?=[^\s}])")
_CUE_OF_LOGSEQ = regex(
    r"(\{\{(?:cloze |c\d{1,3}::)[^{}\n\\]{1,1000})\\\\([^{}\n\\]{1,200})\}\}"
)
_CANVAS = ".canvas"

Mark = Literal["==", "mark", "bold", "callout"]
"""What may be read as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
OfTools = Literal["osr", "o2a", "flashcards"]
"""Dialects: obsidian-spaced-repetition, Obsidian_to_Anki, flashcards-obsidian."""


class VaultSettings(SourceSettings, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: Strings = ("**/*.md", "**/*.canvas")
    """Glob patterns of notes and canvases.

    As in git, one without an inner slash matches at any depth.
    """
    exclude: Strings = ()
    """Glob patterns to leave out; one that ends in `/` is a folder with its content."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`, but not `==` in notes for which a dialect defines its meaning."""
    cards: tuple[HandWritten | OfTools, ...] | None = None
    """None = those of a Markdown file, and the dialects of the plugins that are switched on."""
    glossary_headings: Strings = ()
    """Extra headings that mark a glossary section, beside glossary, definitions and key terms."""


# Files that editors leave behind.
_JUNK = regex(r"(?i)~\$|.*(?:~|\.tmp|\.swp)$")
# Files that may contain marks and are not read.
_DRAWING = regex(r"(?i).*\.excalidraw\.md$")
# A line that Excalidraw writes into a drawing; it is not a mark.
_BANNER = regex(r"(?m)^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*")


@dataclass(frozen=True)
class Vault(NoteSource):
    """The notes of one vault. A vault has one author, so `me` does not matter."""

    dialects: Dialects = Dialects()  # noqa: RUF009 - frozen
    problems: tuple[Problem, ...] = ()
    """Settings of plugins that cannot be read."""
    switched_on: Strings | None = None
    """The dialects of the plugins that are switched on; None = the settings name the dialects, or
    it is unknown."""
    by_plugins: bool = False
    """Whether the plugins decide on the dialects, because the settings name none."""
    has_dataview: bool = False
    """Whether Dataview is switched on, for which `key::value` is a field."""
    is_graph: bool = False
    """Whether it is a graph of Logseq, which has `^^marks^^`, and `TODO` before a task."""
    searcher: Searcher = field(default_factory=Searcher)
    """Searches for the expressions of a plugin."""

    kind = "obsidian"
    Settings: ClassVar[type[SourceSettings]] = VaultSettings
    endings: ClassVar[Strings] = (".md", _CANVAS)
    is_unambiguous = False
    keeps_inner = True
    example = "- obsidian: {name: notes, path: ~/Vault}     # a vault"
    options_shown: ClassVar[Strings] = (
        "marks: [==, mark]           # also: bold, callout",
        "cards: [inline, block, cloze, glossary]  # also: term",
        "exclude: [Templates/]",
    )

    @classmethod
    def open(cls, opening: Opening, by_plugins: Strings | None = None) -> Self:
        """Return a reader of the vault at a root, with the cards of its plugins.

        Args:
            opening: the vault and its settings.
            by_plugins: the dialects to read if the settings name none; None = those of the
                plugins that are switched on.
        """
        root = opening.root
        settings = opening.settings
        plugins, problem = plugins_of(root)
        decides = settings.cards is None
        names = None
        if decides and plugins is not None:
            names = tuple(name for name, plugin in PLUGINS.items() if plugin in plugins)
        if decides:
            read_by_plugins = (names or ()) if by_plugins is None else by_plugins
            cards = (*read_by_plugins, *CARDS)
            settings = msgspec.structs.replace(settings, cards=cards)
        wanted = dict.fromkeys(settings.cards)
        in_order = tuple(name for name in wanted if name in PLUGINS)
        dialects, problems = read_dialects(root, in_order)
        if problem and decides:
            problems.append(problem)
        templates = list(template_folders(root))
        has_dataview = "dataview" in (plugins or ())
        is_graph = any(
            (folder / "logseq" / "config.edn").is_file() for folder in (root, root.parent)
        )
        folder = Folder(
            "vault",
            opening.name,
            root,
            opening.only,
            fits=_notes_only(settings, templates),
            context=repr((settings, dialects, templates, has_dataview, is_graph)),
            others={},
        )
        return cls(
            folder,
            settings,
            dialects=dialects,
            problems=tuple(problems),
            switched_on=names,
            by_plugins=decides,
            has_dataview=has_dataview,
            is_graph=is_graph,
        )

    def read_by(self, names: Strings) -> Self:
        """Return the same vault, with the cards of these plugins' dialects."""
        opening = Opening(
            name=self.folder.name,
            root=self.folder.root,
            settings=msgspec.structs.replace(self.settings, cards=None),
            only=self.folder.only,
        )
        vault = self.open(opening, names)
        # a display may watch this one
        shared = msgspec.structs.replace(vault.folder, count=self.folder.count)
        problems = tuple(dict.fromkeys((*vault.problems, *self.problems)))
        return replace(
            vault,
            folder=shared,
            switched_on=self.switched_on,
            problems=problems,
        )

    def notices(self) -> Iterator[Problem]:
        """Yield the plugins whose settings cannot be read."""
        yield from self.problems

    def passed_over(self) -> Iterator[Unmarked]:
        """Yield the folders with notes that are templates, drawings, or left out by settings."""
        if self.folder.only:
            return
        excluded = matcher(self.settings.exclude, git=True)
        of_templates = matcher(template_folders(self.folder.root), git=True)
        folders: dict[str, Counter[str]] = defaultdict(Counter)
        for path in set((self.folder.others or {}).values()):
            if not path.casefold().endswith((".md", _CANVAS)):
                continue
            reason = "the settings do not select them (`include`)"
            if _DRAWING.match(path):
                reason = "drawings of Excalidraw are not read"
            elif of_templates(path):
                reason = "they are templates of a plug-in"
            elif excluded(path):
                reason = "the settings leave them out (`exclude`)"
            parent = path.rpartition("/")[0] or "."
            folders[f"{parent}/"][reason] += 1
        for place, reasons in sorted(folders.items()):
            left_out = []
            for reason, number in sorted(reasons.items()):
                told = f"{counted(number, 'note')}: {reason}"
                left_out.append(LeftOut("notes", "", told))
            yield Unmarked(
                self.folder.container,
                place,
                h16(repr(left_out)),
                left_out=tuple(left_out),
            )

    @cached_property
    def _address(self) -> str:
        """The address of the vault in Obsidian."""
        name = Path(os.path.realpath(self.folder.root)).name
        return f"obsidian://open?vault={quote(name, safe='')}"

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[None]:
        """End the process that searches for expressions when all files are read."""
        try:
            yield
        finally:
            self.searcher.close()

    def note_of(self, file: File, text: str) -> MarkdownNote:
        """Return a note or a canvas as a document in Markdown."""
        is_canvas = _is_canvas(file)
        name = file.path if is_canvas else file.path[:-3]
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=title_of(file.path),
            path=file.path,
            uri=f"{self._address}&file={quote(name, safe='')}",
            dataview=self.has_dataview,
        )
        marks = frozenset[str](self.settings.marks or ())
        if self.settings.marks is None:
            marks = frozenset(("==", "mark"))
        if is_canvas:
            cards, private = read_canvas(text)
            document = msgspec.structs.replace(document, private=private)
            return MarkdownNote(document, marks, cards, is_whole=False, apart=True)
        if "EXCALIDRAW VIEW" in text:  # what stands above a drawing looks like a mark
            text = _BANNER.sub("", text, count=1)
        if self.is_graph:
            text = _TASK_OF_LOGSEQ.sub(r"\1", text)
            text = _SIZE_OF_LOGSEQ.sub(r"\1", text)
            text = _CLOZE_OF_LOGSEQ.sub(r"{{\1::", text)
            text = _CUE_OF_LOGSEQ.sub(r"\1::\2}}", text)
            if "^^" in text:
                text = outside(text, partial(_MARK_OF_LOGSEQ.sub, r"==\1=="))
        note = MarkdownNote(
            document,
            marks,
            (NotePart(text),),
            dialects=self.dialects if self.dialects.names else None,
        )
        o2a = self.dialects.o2a
        if "o2a" in self.dialects.names and o2a.reads(file.path):
            # with its deck and tags, and the cards of expressions
            deck_name, deck, tags = o2a.deck_and_tags(text, file.path)
            note = note._replace(parts=(NotePart(o2a.with_usual_deck_line(text)),))
            finds_cards = bool(o2a.patterns()[0])
            note = note._replace(
                document=msgspec.structs.replace(document, deck=deck_name, tags=tags),
                written=partial(o2a.cards, searcher=self.searcher)
                if finds_cards
                else None,
                deck_of_cards=deck,
            )
        return note

    def texts(self, file: File) -> Strings:
        """Return the text of a note, or the texts of a canvas."""
        if not _is_canvas(file):
            return super().texts(file)
        cards, _ = read_canvas(file.text())
        return tuple(card.text for card in cards)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        # the plugin writes the fields of each new note type in Anki into its settings
        o2a = msgspec.structs.replace(self.dialects.o2a, fields_dict={})
        dialects = msgspec.structs.replace(self.dialects, o2a=o2a)
        return f"{super().selection}\n{msgspec.json.encode(dialects).decode()}"


def _is_canvas(file: File) -> bool:
    return file.path.casefold().endswith(_CANVAS)


def _notes_only(settings: Any, templates: list[str]) -> Callable[[str], bool]:
    """Return a function that says whether a path is that of a note to read."""
    included = matcher(settings.include, git=True)
    excluded = matcher((*settings.exclude, *templates), git=True)

    def fits(path: str) -> bool:
        name = path.rpartition("/")[2]
        if _JUNK.match(name) or _DRAWING.match(path):
            return False
        return included(path) and not excluded(path)

    return fits


# --- templates --------------------------------------------------------------------------

# Below `.obsidian`, by file: the key that names the folder.
_TEMPLATES = {
    "templates.json": "folder",  # Obsidian's own plugin
    "plugins/templater-obsidian/data.json": "templates_folder",
}


def template_folders(vault: Path) -> Iterator[str]:
    """Yield the patterns of the folders of templates that plugins use, below the vault."""
    for name, key in _TEMPLATES.items():
        with suppress(ItemError):
            folder = read_settings(vault / ".obsidian" / name).get(key)
            if isinstance(folder, str) and folder.strip("/"):
                yield f"{folder.strip('/')}/"


# --- canvases: JSON Canvas 1.0 (https://jsoncanvas.org/spec/1.0) ------------------------


_NOT_A_CANVAS = "open it in Obsidian to see what is wrong, or leave it out with `exclude`"


class Canvas(NamedTuple):
    """The cards of a canvas that are read."""

    parts: list[NotePart]
    """Its text cards from top to bottom, those at one height from left to right."""
    private: str
    """Why nothing in it may leave this machine, "" if that is not so."""


def read_canvas(text: str) -> Canvas:
    """Return the text cards of a canvas; Obsidian writes an empty file for an empty one.

    A group whose label has the tag `#no-llm` may hold any of the cards: all are private.

    Raises:
        ItemError: it is not a canvas.
    """
    if not text.strip():
        return Canvas([], "")
    try:
        canvas = msgspec.json.decode(text, type=Json)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"it is not a canvas: {error}", hint=_NOT_A_CANVAS) from error
    nodes = canvas.get("nodes") or []
    if not isinstance(nodes, list):
        raise ItemError(
            "it is not a canvas: its `nodes` are not a list", hint=_NOT_A_CANVAS
        )
    cards: list[Json] = []
    private = ""
    for node in nodes:
        if not isinstance(node, dict):
            continue
        if node.get("type") == "text" and isinstance(node.get("text"), str):
            cards.append(node)
        elif has_tag(str(node.get("label", ""))):
            private = IN_ITS_NOTE
    # by place: the order in the file changes with every click on a card
    cards.sort(
        key=lambda card: (_number(card.get("y")), _number(card.get("x")), _id_of(card))
    )
    parts = []
    for card in cards:
        text = card["text"].replace("\r\n", "\n").replace("\r", "\n")
        parts.append(NotePart(text, _id_of(card)))
    return Canvas(parts, private)


# No card is as far away as that: numbers of a damaged file may be of any size.
_FAR = 1e12


def _number(value: Any) -> float:
    # a bool is an int, too
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if abs(value) < _FAR else 0.0


def _id_of(node: Json) -> str:
    value = node.get("id")
    return value if isinstance(value, str) else ""
