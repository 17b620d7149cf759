"""The notes of a vault: which files they are, and reading them."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from ankiforge.errors import ItemError, one_item
from ankiforge.extract.files import (
    PICTURE,
    Count,
    Look,
    Stamp,
    entries,
    legible,
    loop_at,
    looping,
    matcher,
    program,
    proves,
    read_settled,
    stamp_of,
)
from ankiforge.extract.folder import (
    highlights_of,
    selected_forms,
    selection_of,
    wider_settings,
)
from ankiforge.extract.markdown import CARDS, TERM
from ankiforge.extract.obsidian.plugins import Plugins, kept_plugins, read_plugins
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    Known,
    Problem,
    Scan,
    Sighting,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.anchors import percent

if TYPE_CHECKING:
    from ankiforge.extract.markdown.note import Wanted
    from ankiforge.extract.markdown.page import Dialect

MANY = 400
"""Unread notes from which other processes save time: they take a while to start."""
AT_A_TIME = 100
"""Notes per task of a process: reading one takes a millisecond, and so does sending it."""


class NoteFile(NamedTuple):
    """The file of a note."""

    path: str
    """Below the root, in NFC and with `/`."""
    at: str
    """The path as the file system gives it."""
    stamp: Stamp


class ParsedNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What reading one note yields."""

    problems: tuple[Problem, ...] = ()
    extracted: Extracted | None = None
    pictures: tuple[str, ...] = ()
    """The names of the pictures it embeds; another file may appear under one of them."""


class Vault:
    """Reads the notes of one vault."""

    def __init__(
        self,
        name: str,
        root: Path,
        settings: Any,
        only: tuple[Path, ...] = (),
        jobs: int = 1,
        plugins: Plugins | None = None,
    ) -> None:
        """`jobs`: how many processes read many notes; `plugins`: what plugins of other tools were told, if not what the vault says now."""
        self.name, self.root, self.settings, self.only = name, root, settings, only
        dialects = set(settings.cards).difference(CARDS)
        self.plugins, self._unread_plugins = plugins or Plugins(), list[Problem]()
        if dialects and plugins is None:
            self.plugins, self._unread_plugins = read_plugins(root, dialects)
        self.jobs = jobs
        self.count = Count()
        self.container = f"vault:{name}"
        """Names the set of notes that a scan covers."""
        self.namespace = f"vault:{percent(name)}"
        """The part of its keys before the slash."""

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield the notes in the order of their paths, with problems, and then a `Scan`."""
        files = self._find()
        yield from self._unread_plugins
        yield from files.problems
        unread = {note.path: note for note in files.notes}
        if known:
            for note in files.notes:
                depends = known.depends(self.container, note.path)
                fingerprint = self._fingerprint(note, depends, files)
                if known.is_unchanged(self.container, note.path, fingerprint):
                    unread.pop(note.path)
        ahead: Iterator[ParsedNote | None] = iter(())
        if self.jobs > 1 and len(unread) >= MANY:
            pictures = {name: at for name, at in files.others.items() if PICTURE.match(at)}
            ahead = _read_ahead(self.jobs, self._reader, tuple(unread.values()), pictures)
        read = lost = 0
        self.count.total = len(files.notes)
        for self.count.done, note in enumerate(files.notes):
            if note.path not in unread:
                read += 1
                yield Unchanged(self.container, note.path)
                continue
            found = next(ahead, None)
            try:
                with one_item():
                    parsed = found or self._reader.read(note, files.others)
            except ItemError as error:
                lost += isinstance(error.__cause__, OSError)
                yield Problem(note.path, error.message, error.hint)
                continue
            read += 1
            depends, fingerprint = parsed.pictures, ""
            if known and not parsed.problems:  # problems are reported in every run
                fingerprint = self._fingerprint(note, depends, files)
            yield from parsed.problems
            if parsed.extracted is not None:
                yield replace(parsed.extracted, fingerprint=fingerprint, depends=depends)
            elif fingerprint:
                yield Unmarked(self.container, note.path, fingerprint, depends)
        marked = [] if self.only else [one.path for one in sorted(files.drawings) if is_marked(one)]
        if marked:
            count = len(marked)
            names = ", ".join(marked[:_MOST_NAMED]) + (", …" if count > _MOST_NAMED else "")
            says = (
                "1 Excalidraw drawing holds" if count == 1 else f"{count} Excalidraw drawings hold"
            )
            what = f"{says} ==marks== that are not read: {names}"
            yield Problem(self.root.name, what, "mark it in an ordinary note", notice=True)
        complete = files.complete and not lost and (read > 0 or not files.notes)
        yield Scan(self.name, self.container, complete)

    def _fingerprint(self, note: NoteFile, depends: Collection[str], files: Files) -> str:
        """Return a hash of all that determines a note's content; "" if its stamp proves nothing."""
        if not proves(note.stamp):
            return ""
        found = [(name, find_picture(name, note.path, files.others)) for name in depends]
        return h16(self._context, repr(note.stamp), repr(found))

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        told = msgspec.json.encode(self.plugins).decode()
        return f"{selection_of(self.settings)}\n{told}"

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """Yield the highlights of notes by the settings `before` and by the widest settings."""
        from ankiforge.extract.obsidian import DIALECTS, MARKS

        only = tuple(at for path in paths if (at := self.root / path).is_file())
        before, _, told = before.partition("\n")
        every = [*wider_settings(self.settings, before, MARKS, (*CARDS, TERM))]
        tools = ((tool,) for tool in DIALECTS)
        every += [msgspec.structs.replace(self.settings, marks=(), cards=one) for one in tools]
        plugins = kept_plugins(told)
        vaults = (Vault(self.name, self.root, one, only, plugins=plugins) for one in every)
        return highlights_of(vaults if only else ())

    def look(self) -> Look:
        """Return which notes exist now."""
        files = self._find()
        pictures = sorted(path for path in files.stamps if PICTURE.match(path))
        problems = [(problem.where, problem.what) for problem in files.problems]
        rest = h16(self._context, repr(pictures), repr(problems))
        notes = {note.path: (note.at, note.stamp) for note in files.notes}
        return Look(notes, rest, files.complete)

    def _find(self) -> Files:
        return find_notes(self.root, self.settings.include, self.settings.exclude, self.only)

    @cached_property
    def _reader(self) -> NoteReader:
        vault = Path(os.path.realpath(self.root)).name
        return NoteReader(
            self.name, self.namespace, self.container, vault, self.settings, self.plugins
        )

    @cached_property
    def _context(self) -> str:
        """A hash of all that determines what a note yields, besides its text."""
        told = repr((self.settings, self.plugins))
        return h16(program(), self.name, os.path.realpath(self.root), told)


# --- reading a note -------------------------------------------------------------------------

_DEEP = re.compile(
    r"^(?:(?:[ \t]{0,4}+>){100,}+|(?P<indent>[ \t]{100,}+)(?:[-*+]|\d{1,9}[.)])[ \t])(?P<text>.*)$",
    re.MULTILINE,
)
"""A line in a hundred quotes, or one that may be in a list a hundred deep. The quantifiers are
possessive, so that a note of blanks takes linear time."""
_BANNER = re.compile(r"^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*", re.MULTILINE)
"""A line that Excalidraw writes into a drawing; it is not a mark."""
_ITEM = r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t].*[:：]"
_MARK_SIGNS = {"==": "==", "mark": "<mark", "bold": r"\*\*|__", "callout": r"\[!"}
_CARD_SIGNS = {
    "inline": "::",
    "block": r"^[ \t>]*\?\??[ \t]*$",
    "cloze": r"\{\{",
    "glossary": _ITEM,
    "term": _ITEM,
}


@dataclass(frozen=True)
class NoteReader:
    """Reads the notes of one vault; can be sent to another process."""

    name: str
    namespace: str
    container: str
    vault: str
    """The name of the vault's folder."""
    settings: Any
    plugins: Plugins = Plugins()  # noqa: RUF009 - frozen

    def read(self, note: NoteFile, others: Mapping[str, str]) -> ParsedNote:
        """Read one note.

        Raises:
            ItemError: the file cannot be read, or is not text.
        """
        text, _ = read_settled(note.at)
        pictures: dict[str, str] = {}

        def picture(target: str) -> str:
            return pictures.setdefault(target, find_picture(target, note.path, others))

        problems, extracted = self.parse(note.path, text, picture)
        names = tuple(pictures) if extracted or problems else ()
        if extracted is not None:
            from ankiforge.text.renames import sketched

            extracted = replace(extracted, sketch=sketched(text, note.path))
        return ParsedNote(problems, extracted, names)

    def parse(
        self, path: str, text: str, picture: Callable[[str], str]
    ) -> tuple[tuple[Problem, ...], Extracted | None]:
        """Return the problems of a note, and its highlights, if any.

        Args:
            path: the path below the vault.
            text: the text with line ends LF.
            picture: returns the path of a picture by its name in the note; "" if it is not a picture.
        """
        if not self._may_hold(text):
            return (), None
        from ankiforge.extract.markdown.blocks import cut
        from ankiforge.extract.markdown.inline import Context
        from ankiforge.extract.markdown.note import highlights
        from ankiforge.extract.markdown.page import Page
        from ankiforge.extract.markdown.quotes import find_citations, papers
        from ankiforge.extract.markdown.source import front_matter, prepared

        lines = 0
        for match in _DEEP.finditer(text):
            indent = match["indent"]
            levels = indent.count("\t") + indent.count(" ") // 2 if indent else 100
            lines += levels >= 100 and self._may_hold(match["text"])
        deep: tuple[Problem, ...] = ()
        if lines:
            says = "1 line" if lines == 1 else f"{lines} lines"
            what = f"{says} with marks more than 100 quotes or lists deep {'is' if lines == 1 else 'are'} not read"
            deep = (Problem(path, what, "nest the quotes less deeply", notice=True),)
        front = front_matter(text)
        # the front matter is blanked, so that line numbers stay
        rest = text.split("\n", front.lines)[front.lines] if text.count("\n") >= front.lines else ""
        if "EXCALIDRAW VIEW" in rest:
            rest = _BANNER.sub("", rest, count=1)
        source = prepared("\n" * front.lines + rest)
        blocks = cut(source, Context(picture=picture))
        page = Page(text, source, blocks, front.tags)
        # `==x==` is not a mark where a tool defines its meaning, unless the settings name marks
        wanted = self._wanted
        if self.settings.marks is None and any(one.defines_marks(page) for one in self._dialects):
            wanted = wanted._replace(marks=wanted.marks - {"=="})
        cites = find_citations(blocks.blocks)
        vault, file = quote(self.vault, safe=""), quote(path[:-3], safe="")
        document = Document(
            key=DocumentKey(f"{self.namespace}/{h16(path)}"),
            source=self.name,
            title=front.title or path.rpartition("/")[2][:-3],
            path=path,
            identifiers=tuple(dict.fromkeys([*front.identifiers, *papers(cites)])),
            uri=f"obsidian://open?vault={vault}&file={file}",
            tags=tuple(dict.fromkeys([*front.tags, *blocks.tags])),
            deck=front.deck,
        )
        found = highlights(
            document, self.namespace, page, wanted, front.skip, self._dialects, cites
        )
        if not found:
            return deep, None
        hint = "until you correct it, the note's title, tags and deck are not known"
        problems = (Problem(path, front.problem, hint),) if front.problem else ()
        return (*problems, *deep), Extracted(document, found, self.container)

    @cached_property
    def _wanted(self) -> Wanted:
        from ankiforge.extract.markdown.note import Wanted

        marks = ("==", "mark") if self.settings.marks is None else self.settings.marks
        cards = selected_forms(self.settings.cards, CARDS).intersection(_CARD_SIGNS)
        return Wanted(frozenset(marks), cards, self.settings.glossary_headings)

    @cached_property
    def _dialects(self) -> tuple[Dialect, ...]:
        if not set(self.settings.cards).difference(CARDS):
            return ()
        from ankiforge.extract.obsidian.dialects import chosen_dialects

        return chosen_dialects(self.settings.cards, self.plugins)

    @cached_property
    def _signs(self) -> list[re.Pattern[str]]:
        """Regular expressions; a note without any match has no highlights and is not parsed."""
        from ankiforge.extract.markdown.quotes import SIGNS

        signs = [_MARK_SIGNS[mark] for mark in sorted(self._wanted.marks)]
        signs += [_CARD_SIGNS[card] for card in sorted(self._wanted.cards)]
        signs += [dialect.signs for dialect in self._dialects]
        found = [re.compile(sign, re.MULTILINE | re.IGNORECASE) for sign in dict.fromkeys(signs)]
        return [*found, *map(re.compile, SIGNS)]

    def _may_hold(self, text: str) -> bool:
        return any(sign.search(text) for sign in self._signs)


def find_picture(target: str, note: str, others: Mapping[str, str]) -> str:
    """Return the path of a picture below the vault, by its name in a note.

    Return the name itself if no such file is found, "" if it is not a picture. `others` are the
    files of the vault that are not notes, as in `Files`.
    """
    if not PICTURE.match(target):
        return ""
    beside = f"{note.rpartition('/')[0]}/{target}".lstrip("/")
    for name in (beside, target.lstrip("/"), target.rpartition("/")[2]):
        parts: list[str] = []
        for part in name.split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part != ".":
                parts.append(part)
        if found := others.get("/".join(parts).casefold()):
            return found
    return target


# --- reading by several processes -----------------------------------------------------------


def read_notes(
    reader: NoteReader, others: Mapping[str, str], notes: Sequence[NoteFile]
) -> list[bytes | None]:
    """Return the `ParsedNote` of each note as JSON, None for one that cannot be read."""
    lines: list[bytes | None] = []
    for note in notes:
        try:
            lines.append(msgspec.json.encode(reader.read(note, others)))
        except ItemError:
            lines.append(None)  # the caller reads it again and reports the problem
    return lines


def _read_ahead(
    jobs: int, reader: NoteReader, notes: Sequence[NoteFile], others: Mapping[str, str]
) -> Iterator[ParsedNote | None]:
    """Yield what other processes read of each note, None if the caller has to read it."""
    from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
    from multiprocessing import get_context

    parts = [notes[start : start + AT_A_TIME] for start in range(0, len(notes), AT_A_TIME)]
    read = partial(read_notes, reader, others)
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_ignore_interrupt)
    with suppress(BrokenExecutor), pool:  # if a process dies, the caller reads the rest
        for lines in pool.map(read, parts):
            for line in lines:
                yield msgspec.json.decode(line, type=ParsedNote) if line else None


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the main process, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# --- which files are notes ------------------------------------------------------------------

_DRAWING = ".excalidraw.md"
_JUNK = re.compile(r"~\$|.*(?:~|\.tmp|\.swp|\.excalidraw\.md)$", re.IGNORECASE)
"""Left out: files that editors and drawing tools leave behind."""
_CONFLICT = re.compile(
    r".*(?:\.sync-conflict-\d{8}-\d{6}[^/]*|\([^()]*conflicted copy[^()]*\)|\.Conflict[^/]*)\.md$",
    re.IGNORECASE,
)
_EVICTED = re.compile(r"\.(.+\.md)\.icloud$", re.IGNORECASE)


@dataclass(slots=True)
class Files:
    """The files found in a vault."""

    notes: list[NoteFile] = field(default_factory=list)
    """Sorted by path."""
    others: dict[str, str] = field(default_factory=dict)
    """The path of every file that is not a note, by casefolded path and by casefolded name."""
    stamps: dict[str, Stamp] = field(default_factory=dict)
    """The stamp of every file that is not a note, by path."""
    drawings: list[NoteFile] = field(default_factory=list)
    """Excalidraw drawings, which are not read."""
    problems: list[Problem] = field(default_factory=list)
    complete: bool = True
    """Whether every folder and note could be reached."""

    def missing(self, where: str, what: str) -> None:
        """Report that something cannot be reached."""
        self.problems.append(Problem(where, what, "check the path, and that the disk is mounted"))
        self.complete = False


def find_notes(
    root: Path, include: Sequence[str], exclude: Sequence[str], only: tuple[Path, ...]
) -> Files:
    """Find the notes of a vault, or those named in `only`; symbolic links are not followed.

    A note named in `only` is taken whatever the patterns say.
    """
    files = Files(complete=not only)
    if not root.is_dir():
        files.missing(str(root), "the vault folder is not there")
        return files
    included, excluded = matcher(include, git=True), matcher(exclude, git=True)
    prefix = len(os.path.join(root, ""))  # noqa: PTH118 - of very many files

    def unlisted(error: OSError) -> None:
        below = legible(str(error.filename)[prefix:])
        where = f"{below}/" if below else root.name
        files.missing(where, f"cannot be listed: {error.strerror}")

    for entry in entries(root, unlisted, last_first=True):
        path = legible(entry.path[prefix:])
        name = path.rpartition("/")[2]
        if entry.name.startswith("."):
            if evicted := _EVICTED.match(entry.name):
                where = f"{path.removesuffix(name)}{legible(evicted[1])}"
                hint = "open its folder once, so that it is downloaded"
                what = "the note is in iCloud, not on this disk"
                files.problems.append(Problem(where, what, hint))
                files.complete = False
            continue
        if entry.is_symlink():
            # a link to notes leads out of the vault, or in a circle
            if loop := loop_at(entry.path):
                files.problems += [] if excluded(path) else [looping(path, loop)]
                continue
            is_folder = entry.is_dir()
            if (is_folder or included(path)) and not excluded(f"{path}/." if is_folder else path):
                what = f"a link {'to a folder ' if is_folder else ''}is not followed"
                hint = "add the folder it leads to as a source, or put the link under `exclude`"
                files.problems.append(Problem(path, what, hint))
            continue
        try:
            if not entry.is_file(follow_symlinks=False):
                continue
            stamp = stamp_of(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue  # gone since the folder was listed
        except OSError as error:
            files.missing(path, f"cannot be looked at: {error.strerror or error}")
            continue
        if not path.lower().endswith(".md"):
            files.stamps[path] = stamp
            files.others.setdefault(path.casefold(), path)
            files.others.setdefault(name.casefold(), path)
        if _JUNK.match(name):
            if path.lower().endswith(_DRAWING) and not excluded(path):
                files.drawings.append(NoteFile(path, entry.path, stamp))
        elif included(path) and not excluded(path):
            if _CONFLICT.match(path):
                what, hint = "a conflict copy was left out", "merge it, then delete it"
                files.problems.append(Problem(path, what, hint))
            else:
                files.notes.append(NoteFile(path, entry.path, stamp))
    notes = files.notes
    if only:
        notes = [note for named in only for note in _notes_at(root, named, files)]
    unique: dict[str, NoteFile] = {}
    for note in notes:
        other = unique.setdefault(note.path, note)
        if other.stamp != note.stamp:  # their paths are equal in NFC
            what = (
                "left out: another note here has the same name, encoded differently (é as e and ´)"
            )
            files.problems.append(Problem(note.path, what, "rename one of the two"))
            unique[note.path] = max(other, note, key=lambda one: one.at)
    files.notes = sorted(unique.values())
    files.problems.sort(key=lambda problem: problem.where)
    return files


def _notes_at(root: Path, named: Path, files: Files) -> Iterator[NoteFile]:
    """Yield the notes at or below one path of `only`."""
    try:
        relative = legible(named.absolute().relative_to(root.absolute()).as_posix())
    except ValueError:
        files.problems.append(Problem(named.name, "it is outside the vault"))
        return
    if named.is_dir():
        folder = "" if relative == "." else f"{relative}/"
        yield from [note for note in files.notes if note.path.startswith(folder)]
    elif named.is_file():
        yield NoteFile(relative, str(named), stamp_of(named.stat()))
    else:
        files.missing(relative, "there is no such note or folder")


_DATA = re.compile(r"^(?:#+ Drawing\s*$|%%\s*\n#+ Drawing|```(?:compressed-)?json)", re.MULTILINE)
"""Where the data of a drawing begin, after its text."""
_MARK = re.compile(r"(?<!=)==(?![=\s])[^\n=]+(?<!\s)==(?!=)")
_LARGEST_DRAWING = 2_000_000
_MOST_NAMED = 3
"""Drawings named in one message."""


def is_marked(drawing: NoteFile) -> bool:
    """Return whether a drawing contains marks."""
    try:
        with open(drawing.at, "rb") as file:  # noqa: PTH123
            text = file.read(_LARGEST_DRAWING).decode("utf-8", "replace")
    except OSError:
        return False
    if "==" not in text:
        return False
    text = _BANNER.sub("", text.replace("\r\n", "\n"))
    data = _DATA.search(text)
    return _MARK.search(text[: data.start()] if data else text) is not None
