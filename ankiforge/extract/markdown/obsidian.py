"""The source for Obsidian vaults and Logseq graphs.

It lists the notes of a vault and converts Logseq's syntax to Obsidian's, which the rest of
the package reads. The settings of the vault's plug-ins determine how cards are written (see
`plugins`), and which directories contain templates. Nothing is ever written into a vault.
"""

from __future__ import annotations

import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Container, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import quote

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import SourceOpenParameters, SourceSettings
from ankiforge.extract.file_source import File, FileListing
from ankiforge.extract.files import (
    VAULT_SUFFIXES,
    compile_patterns,
    find_vault,
    read_json_settings,
)
from ankiforge.extract.markdown import (
    HAND_WRITTEN_FORMS,
    HandWrittenForm,
    MarkdownNote,
    NoteSource,
    parse_title,
)
from ankiforge.extract.markdown.plugins import (
    PLUGIN_BY_DIALECT,
    PluginSyntaxes,
    read_enabled_plugins,
    read_plugin_syntaxes,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    Pair,
    Problem,
    SkippedText,
    Strings,
    UnmarkedDocument,
    hash16,
)
from ankiforge.text import format_count, regex
from ankiforge.text.normalize import map_outside_literal_spans

_LOGSEQ_MARK = regex(r"\^\^(?=[^\s^])([^\n^]{1,1000})(?<=\S)\^\^")
_LOGSEQ_TASK = regex(
    r"(?m)^([ \t]*-[ \t]+)(?:(?:TODO|DOING|DONE|NOW|LATER|WAITING|CANCELL?ED)[ \t]+"
    r"(?:\[#[ABC]\][ \t]+)?|\[#[ABC]\][ \t]+)(?=\S)"
)
# The size that Logseq writes after a picture, and two parts of its clozes: the number, as
# written by its plug-in for Anki, and the cue after the answer.
_LOGSEQ_SIZE = regex(r"(!\[[^\[\]\n]{0,500}\]\([^()\n]{1,500}\))\{:[^{}\n]{1,200}\}")
_LOGSEQ_CLOZE = regex(r"\{\{(c\d{1,3}) (?=[^\s}])")
_LOGSEQ_CUE = regex(
    r"(\{\{(?:cloze |c\d{1,3}::)[^{}\n\\]{1,1000})\\\\([^{}\n\\]{1,200})\}\}"
)

VaultMarkKind = Literal["==", "mark", "bold", "callout"]
"""The kinds of marks in a vault: `==x==`, `<mark>x</mark>`, `**x**` and `> [!note]`."""
ToolDialect = Literal["osr", "o2a"]
"""The syntaxes of the plug-ins obsidian-spaced-repetition and Obsidian_to_Anki."""


class VaultSettings(SourceSettings, kw_only=True):
    """Settings for an `obsidian:` source."""

    include: Strings = tuple(f"**/*{suffix}" for suffix in VAULT_SUFFIXES)
    """Glob patterns of the notes to read.

    As in git, a pattern without a slash, except at its end, matches at any depth.
    """
    exclude: Strings = ()
    """Glob patterns of notes to exclude. A pattern that ends with `/` excludes a folder and
    everything in it."""
    marks: tuple[VaultMarkKind, ...] | None = None
    """The kinds of marks to read. By default `==` and `mark`, but without `==` in notes for
    which a plug-in gives it another meaning."""
    cards: tuple[HandWrittenForm | ToolDialect, ...] | None = None
    """The kinds of cards to read. By default, those of Markdown files and the enabled plug-ins."""
    glossary_headings: Strings = ()
    """Headings of glossaries, besides “Glossary”, “Definitions” and “Key terms”."""


# Files that editors leave behind.
_EDITOR_LEFTOVER = regex(r"(?i)~\$|.*(?:~|\.tmp|\.swp)$")
# Drawings of Excalidraw, which aren't read although they may contain what looks like marks.
_EXCALIDRAW_FILE = regex(r"(?i).*\.excalidraw\.md$")
_DRAWING_REASON = "drawings of Excalidraw are not read"
_TEMPLATE_REASON = "they are templates of a plug-in"
_EXCLUDED_REASON = "they are among the excluded files of Obsidian's settings"
# A line that Excalidraw writes into a drawing, which looks like a mark but isn't one.
_EXCALIDRAW_BANNER = regex(r"(?m)^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*")


@dataclass(frozen=True)
class Vault(NoteSource):
    """An Obsidian vault or Logseq graph.

    The setting `me` is ignored, because a vault has only one author.
    """

    dialects: PluginSyntaxes = PluginSyntaxes()  # noqa: RUF009 - frozen
    problems: tuple[Problem, ...] = ()
    """Problems with reading the settings of plug-ins."""
    enabled_dialects: Strings | None = None
    """The syntaxes of the enabled plug-ins, or None if they are unknown or the settings select
    which cards to read."""
    plugins_choose_dialects: bool = False
    """Whether the enabled plug-ins determine the syntaxes to read, because the settings don't."""
    has_dataview: bool = False
    """Whether Dataview is enabled, which reads `key::value` as a field."""
    is_logseq_graph: bool = False
    """Whether the folder is a Logseq graph. Its marks are written as `^^…^^`, and its tasks
    begin with a word such as `TODO`."""

    kind = "obsidian"
    Settings: ClassVar[type[SourceSettings]] = VaultSettings
    suffixes: ClassVar[Strings] = VAULT_SUFFIXES
    is_unambiguous = False
    keeps_inner_sources = True
    example = "- obsidian: {name: notes, path: ~/Vault}     # a vault"
    options_shown: ClassVar[Strings] = (
        "marks: [==, mark]           # also: bold, callout",
        "cards: [inline, block, cloze, glossary]  # also: term",
        "exclude: [Templates/]",
    )

    @classmethod
    def open(
        cls, opening: SourceOpenParameters, dialects_by_default: Strings | None = None
    ) -> Self:
        """Open a vault, and read the settings of its plug-ins.

        `dialects_by_default` are the plug-in syntaxes to read if the settings don't select the
        kinds of cards. If it is None, these are the syntaxes of the enabled plug-ins.
        """
        root = opening.root
        settings = opening.settings
        plugins, problem = read_enabled_plugins(root)
        plugins_decide = settings.cards is None
        enabled_dialects = None
        if plugins_decide:
            if plugins is not None:
                enabled_dialects = _select_dialects(plugins)
            if dialects_by_default is None:
                dialects_by_default = enabled_dialects or ()
            cards = (*dialects_by_default, *HAND_WRITTEN_FORMS)
            settings = msgspec.structs.replace(settings, cards=cards)
        form_names = dict.fromkeys(settings.cards)
        dialect_names = tuple(name for name in form_names if name in PLUGIN_BY_DIALECT)
        dialects, problems = read_plugin_syntaxes(root, dialect_names)
        if problem and plugins_decide:
            problems.append(problem)
        templates = list(find_template_patterns(root))
        is_included = compile_patterns(settings.include)
        excluded_files = find_excluded_files(root)
        is_excluded = compile_patterns((*settings.exclude, *templates, *excluded_files))

        def is_note_to_read(path: str) -> bool:
            name = path.rpartition("/")[2]
            if _EDITOR_LEFTOVER.match(name) or _EXCALIDRAW_FILE.match(path):
                return False
            return is_included(path) and not is_excluded(path)

        has_dataview = "dataview" in (plugins or ())
        is_graph = any(
            (folder / "logseq" / "config.edn").is_file() for folder in (root, root.parent)
        )
        folder = FileListing(
            "vault",
            opening.name,
            root,
            opening.only,
            is_included=is_note_to_read,
            settings_text=repr(
                (
                    *(settings, dialects, templates, excluded_files),
                    *(has_dataview, is_graph, find_vault(root)),
                )
            ),
            other_files={},
        )
        return cls(
            folder,
            settings,
            opening,
            dialects=dialects,
            problems=tuple(problems),
            enabled_dialects=enabled_dialects,
            plugins_choose_dialects=plugins_decide,
            has_dataview=has_dataview,
            is_logseq_graph=is_graph,
        )

    def replace_dialects(self, names: Strings) -> Self:
        """Return a copy of the vault that reads the given plug-in syntaxes and no others.

        The vault is opened again, because what it reads depends on the syntaxes.
        """
        opening = SourceOpenParameters(
            name=self.listing.name,
            root=self.listing.root,
            settings=msgspec.structs.replace(self.settings, cards=None),
            only=self.listing.only,
        )
        vault = self.open(opening, names)
        # keep the progress object, because a progress display may be watching it
        listing = msgspec.structs.replace(vault.listing, progress=self.listing.progress)
        problems = dict.fromkeys((*vault.problems, *self.problems))
        return replace(
            vault,
            listing=listing,
            enabled_dialects=self.enabled_dialects,
            problems=tuple(problems),
        )

    def iter_notices(self) -> Iterator[Problem]:
        """Yield the problems encountered while reading plug-in settings."""
        yield from self.problems

    def iter_skipped_directories(self) -> Iterator[UnmarkedDocument]:
        """Yield each directory with drawings, templates or excluded notes, which aren't read."""
        if self.listing.only:
            return
        reasons_by_directory = defaultdict[str, Counter[str]](Counter)
        for path, reason in self._iter_skipped_notes():
            directory = posixpath.dirname(path) or "."
            reasons_by_directory[directory][reason] += 1
        for directory, reason_counts in sorted(reasons_by_directory.items()):
            skipped_texts = []
            for reason, count in sorted(reason_counts.items()):
                description = f"{format_count(count, 'note')}: {reason}"
                skipped_texts.append(SkippedText("notes", "", description))
            yield UnmarkedDocument(
                self.listing.container,
                f"{directory}/",
                hash16(repr(skipped_texts)),
                skipped_texts=tuple(skipped_texts),
            )

    def _iter_skipped_notes(self) -> Iterator[Pair]:
        """Yield the path of each note that isn't read, with the reason."""
        is_template = compile_patterns(find_template_patterns(self.listing.root))
        is_excluded = compile_patterns(find_excluded_files(self.listing.root))
        for path in set((self.listing.other_files or {}).values()):
            if _EXCALIDRAW_FILE.match(path):
                yield path, _DRAWING_REASON
            elif not path.casefold().endswith(VAULT_SUFFIXES):
                continue  # it isn't a note
            elif is_template(path):
                yield path, _TEMPLATE_REASON
            elif is_excluded(path):
                yield path, _EXCLUDED_REASON

    @cached_property
    def _file_url_prefix(self) -> str:
        """The start of every note's URL, or "" if the directory isn't in an Obsidian vault."""
        root = Path(os.path.realpath(self.listing.root))
        vault = find_vault(root)
        if vault is None:
            return ""
        url = f"obsidian://open?vault={quote(vault.name, safe='')}&file="
        if root == vault:
            return url
        folder = f"{root.relative_to(vault).as_posix()}/"
        return url + quote(folder, safe="")

    def to_markdown_note(self, file: File, text: str) -> MarkdownNote:
        """Convert a file to a Markdown note. In a Logseq graph, this translates Logseq's syntax."""
        if "EXCALIDRAW VIEW" in text:
            # remove a line above a drawing, which looks like a mark
            text = _EXCALIDRAW_BANNER.sub("", text, count=1)
        if self.is_logseq_graph:
            text = _translate_logseq_syntax(text)

        # the deck and tags that the note declares for the cards of Obsidian_to_Anki
        deck, plugin_deck = "", ""
        tags: Strings = ()
        o2a = self.dialects.o2a
        if "o2a" in self.dialects.names and o2a.reads_note(file.path):
            deck, plugin_deck, tags = o2a.parse_deck_and_tags(text, file.path)

        uri = ""
        if self._file_url_prefix:
            uri = self._file_url_prefix + quote(file.path[:-3], safe="")
        document = Document(
            DocumentKey(f"{self.listing.namespace}/{hash16(file.path)}"),
            self.listing.name,
            title=parse_title(file.path),
            path=file.path,
            uri=uri,
            tags=tags,
            deck=deck,
            uses_dataview=self.has_dataview,
        )
        marks: Strings = ("==", "mark")
        if self.settings.marks is not None:
            marks = tuple(self.settings.marks)
        return MarkdownNote(
            document,
            frozenset(marks),
            text,
            dialects=self.dialects if self.dialects.names else None,
            plugin_deck=plugin_deck,
        )

    @property
    def selection_settings_text(self) -> str:
        """The settings that select passages, including those of plug-ins, serialized as text."""
        text = f"{super().selection_settings_text}\n{msgspec.json.encode(self.dialects).decode()}"
        excluded_files = find_excluded_files(self.listing.root)
        return "\n".join((text, *excluded_files))


# --- templates and excluded files -------------------------------------------------------

# Maps each settings file below `.obsidian` to the key that contains the template folder.
_TEMPLATE_FOLDER_KEYS = {
    "templates.json": "folder",  # Obsidian's core plug-in
    "plugins/templater-obsidian/data.json": "templates_folder",
}


def _select_dialects(plugins: Container[str]) -> Strings:
    """Return the card syntaxes of those plug-ins that are enabled."""
    dialects = []
    for name, plugin in PLUGIN_BY_DIALECT.items():
        if plugin in plugins:
            dialects.append(name)
    return tuple(dialects)


def _translate_logseq_syntax(text: str) -> str:
    """Write the marks and clozes of Logseq as Obsidian does, and remove its tasks and sizes."""
    text = _LOGSEQ_TASK.sub(r"\1", text)
    text = _LOGSEQ_SIZE.sub(r"\1", text)
    text = _LOGSEQ_CLOZE.sub(r"{{\1::", text)
    text = _LOGSEQ_CUE.sub(r"\1::\2}}", text)
    if "^^" not in text:
        return text
    return map_outside_literal_spans(text, partial(_LOGSEQ_MARK.sub, r"==\1=="))


def find_template_patterns(vault: Path) -> Iterator[str]:
    """Yield a glob pattern for each template folder, relative to the vault."""
    for name, key in _TEMPLATE_FOLDER_KEYS.items():
        with suppress(ItemError):
            folder = read_json_settings(vault / ".obsidian" / name).get(key)
            if isinstance(folder, str) and folder.strip("/"):
                yield f"{folder.strip('/')}/"


def find_excluded_files(vault: Path) -> list[str]:
    """Return a glob pattern for each path among *Excluded files* in Obsidian's settings.

    Obsidian also allows regular expressions between slashes there. These aren't used, because
    they are JavaScript's.
    """
    with suppress(ItemError):
        paths = read_json_settings(vault / ".obsidian" / "app.json").get(
            "userIgnoreFilters"
        )
        if isinstance(paths, list):
            texts = [path for path in paths if isinstance(path, str)]
            return [f"/{path}" for path in texts if path.strip("/") and path[0] != "/"]
    return []
