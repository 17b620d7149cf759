"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The notes are read by `markdown`. How plug-ins write cards in them, and which folders hold templates,
is read from the files that the plug-ins keep in the vault. Nothing is written into a vault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple
from urllib.parse import quote

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import (
    LARGEST,
    LARGEST_SETTINGS,
    matcher,
    read_file,
    read_settings,
)
from ankiforge.extract.folder import File, Folder
from ankiforge.extract.markdown import CARDS, HandWritten, Note, NoteSource
from ankiforge.extract.markdown.expressions import Match, Searcher, translated
from ankiforge.model import (
    Document,
    DocumentKey,
    Problem,
    Sighting,
    Span,
    Strings,
    Texts,
    Value,
    h16,
)
from ankiforge.text import regex

if TYPE_CHECKING:  # the reader of Markdown is loaded when a note is read
    from ankiforge.extract.markdown.block_cards import Written
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


class _O2aWords(
    Value,
    rename={
        "begin": "Begin Note", "end": "End Note", "begin_inline": "Begin Inline Note",
        "end_inline": "End Inline Note", "deck": "Target Deck Line", "tags": "File Tags Line",
    },
):  # fmt: skip
    """The words that begin and end what Obsidian_to_Anki reads, with its own names and defaults."""

    begin: str = "START"
    end: str = "END"
    begin_inline: str = "STARTI"
    end_inline: str = "ENDI"
    deck: str = "TARGET DECK"
    tags: str = "FILE TAGS"


class _O2aDefaults(
    Value,
    rename={
        "deck": "Deck", "curly": "CurlyCloze", "marks": "CurlyCloze - Highlights to Clozes",
        "folder": "Scan Directory", "expressions": "Regex",
    },
):  # fmt: skip
    """What Obsidian_to_Anki does in all notes."""

    deck: str = "Default"
    curly: bool = False
    """Whether `{x}` is a gap in a cloze note."""
    marks: bool = False
    """Whether `==x==` is one, too."""
    folder: str = ""
    """The folder whose notes are read; "" = all."""
    expressions: bool = True
    """Whether custom expressions are used: an early version had such a switch."""


class _O2a(
    Value,
    rename={
        "words": "Syntax", "defaults": "Defaults", "expressions": "CUSTOM_REGEXPS",
        "folder_decks": "FOLDER_DECKS", "folder_tags": "FOLDER_TAGS", "ignored": "IGNORED_FILE_GLOBS",
    },
):  # fmt: skip
    """What Obsidian_to_Anki was told, with its own names and defaults."""

    words: _O2aWords = _O2aWords()
    defaults: _O2aDefaults = _O2aDefaults()
    expressions: Texts = {}
    """By note type: an expression whose groups are the fields."""
    folder_decks: Texts = {}
    folder_tags: Texts = {}
    ignored: Strings = ()
    """Patterns of notes that are not read."""
    fields_dict: Mapping[str, Strings] = {}
    """The names of the fields of note types."""
    is_told: bool = False
    """Whether it has settings; without them all forms are read that its pages propose."""

    def reads(self, path: str) -> bool:
        """Return whether the note at a path contains cards."""
        folder = self.defaults.folder.strip("/")
        inside = not folder or path.startswith(f"{folder}/")
        return inside and not (self.ignored and matcher(self.ignored)(path))

    def patterns(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the expressions as Python has them, and why others cannot be used, by note type."""
        made, faults = {}, {}
        for kind, expression in self.expressions.items():
            if not (expression and self.defaults.expressions):
                continue
            try:
                translated(expression)
                made[kind] = expression
            except ValueError as error:
                faults[kind] = str(error)
        return made, faults

    def deck_and_tags(self, text: str, path: str) -> tuple[str, str, Strings]:
        """Return the deck that a note names, the one for its cards otherwise, and its tags."""
        named = _declared(self.words.deck, text)
        tags = _declared(self.words.tags, text)
        found = tags[1].split() if tags else []
        deck = self.defaults.deck if self.defaults.deck != "Default" else ""
        folders = list(_folders_of(path))
        for folder in folders:
            found += self.folder_tags.get(folder, "").split()
        inner = next((folder for folder in folders if self.folder_decks.get(folder)), None)
        if inner is not None:
            deck = self.folder_decks[inner]
        return named[1].strip() if named else "", deck, tuple(dict.fromkeys(found))

    def without_deck(self, text: str) -> str:
        """Return a note in which the line about the deck is a comment.

        `TARGET DECK` is known as one anyway.
        """
        from ankiforge.extract.markdown.front_matter import front_matter

        if self.words.deck == _O2aWords().deck:
            return text
        start = sum(len(line) + 1 for line in text.split("\n")[: front_matter(text).lines])
        found = _declared(self.words.deck, text, start)
        if found is None:
            return text
        hidden = "\n".join("<!---->" for _ in found[0].split("\n"))
        return text[: found.start()] + hidden + text[found.end() :]

    def cards(self, text: str, searcher: Searcher) -> dict[int, Written]:
        """Return the cards that the expressions find in a note, by the line at which they begin.

        As in the plugin, a match that stands in another one, in code or in maths is none.

        Raises:
            ItemError: an expression takes too long.
        """
        taken = self._apart(text)
        found: dict[int, Written] = {}
        for kind, form, match in self._matches(text, searcher):
            start, end = match.span
            if any(low - 1 <= start and end <= high + 1 for low, high in taken):
                continue
            values = list(match.groups)
            if form.has_id:  # it stands below the card, where it is read from
                values.pop()
            tags = values.pop().removeprefix("Tags: ").split() if form.has_tags else []
            if "Cloze" in kind and not self._has_gaps(values):
                continue
            taken.append(match.span)
            whole = text[start:end]
            first = start + len(whole) - len(whole.lstrip())
            last = text.count("\n", 0, start + len(whole.rstrip())) + 1
            card = self._card(kind, values, last, tuple(tags))
            if card:
                found.setdefault(text.count("\n", 0, first), card)
        return found

    def _matches(self, text: str, searcher: Searcher) -> Iterator[tuple[str, _Behind, Match]]:
        """Yield the matches of all expressions in the order of the plugin, with their note types."""
        forms = []
        for form in _BEHIND:
            may_be = (not form.has_id or "ID: " in text) and (not form.has_tags or "Tags: " in text)
            if may_be:
                forms.append(form)
        for kind, expression in self.patterns()[0].items():
            name = f"the expression of Obsidian_to_Anki for {kind}"
            patterns = [translated(expression + form.pattern) for form in forms]
            found = searcher.find(name, patterns, text)
            for form, matches in zip(forms, found, strict=True):
                yield from ((kind, form, match) for match in matches)

    def _card(self, kind: str, values: list[str], last: int, tags: Strings) -> Written | None:
        """Return the card of what the groups of an expression hold."""
        from ankiforge.extract.markdown.block_cards import of_values
        from ankiforge.extract.markdown.source import prepared, restored

        names = self.fields_dict.get(kind, ())
        fields = []
        for at, value in enumerate(values):
            source = prepared(value, fields=False)  # what other tools wrote is in comments
            name = names[at] if at < len(names) else ""
            fields.append((name, restored(source.text, source.maths)))
        return of_values(kind, fields, last, f"your expression for {kind}", tags)

    def _has_gaps(self, values: list[str]) -> bool:
        text = "\n".join(values)
        return bool(
            _CLOZED.search(text)
            or (self.defaults.curly and _CURLY.search(text))
            or (self.defaults.marks and "==" in text)
        )

    def _apart(self, text: str) -> list[Span]:
        """Return the spans in which no expression matches: other cards, deck and tags, code, maths."""
        words = self.words
        patterns = [_CODE_OR_MATHS]
        if words.begin and words.end:
            begin, end = re.escape(words.begin), re.escape(words.end)
            patterns.append(re.compile(rf"(?m)^{begin}\n(?:.*\n)*?{end}"))
        if words.begin_inline and words.end_inline:
            begin, end = re.escape(words.begin_inline), re.escape(words.end_inline)
            patterns.append(re.compile(rf"{begin}.*?{end}"))
        spans = []
        for pattern in patterns:
            spans += [found.span() for found in pattern.finditer(text)]
        for word in (words.deck, words.tags):
            if found := _declared(word, text):
                spans.append(found.span())
        return spans


class _Behind(NamedTuple):
    """What the plugin finds behind the match of an expression."""

    pattern: str
    has_id: bool
    has_tags: bool


_TAGS_BEHIND, _ID_BEHIND = "(Tags: .*)", r"\n?(?:<!--)?(?:ID: (\d+).*)"
# In the order of the plugin.
_BEHIND = (
    _Behind(_TAGS_BEHIND + _ID_BEHIND, has_id=True, has_tags=True),
    _Behind(_ID_BEHIND, has_id=True, has_tags=False),
    _Behind(_TAGS_BEHIND, has_id=False, has_tags=True),
    _Behind("", has_id=False, has_tags=False),
)
_CLOZED = regex(r"\{\{c\d+::")
_CURLY = regex(r"(?<!\{)\{(?!\{)[^{}]+\}(?!\})")
_CODE_OR_MATHS = regex(
    r"(?m)^```(?:.*\n)*?```|(?<!`)`(?!`)[^`\n]+`|\$\$[^$]+\$\$|(?<!\$)\$(?=\S)[^$\n]+(?<=\S)\$(?!\$)"
)


def _declared(word: str, text: str, start: int = 0) -> re.Match[str] | None:
    """Return where a note says its deck or tags: on the line of a word, or on the next one."""
    if not word:
        return None
    return re.compile(rf"(?m)^{re.escape(word)}(?:\n|: )(.*)").search(text, start)


def _folders_of(path: str) -> Iterator[str]:
    """Yield the folders that contain a path, the innermost first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


class Dialects(Value):
    """The dialects that the settings name, in their order, as their plug-ins were told."""

    names: Strings = ()
    osr: _Osr = _Osr()
    flashcards: _Flashcards = _Flashcards()
    o2a: _O2a = _O2a()

    def syntax(self, text: str, tags: Collection[str], path: str) -> Syntax | None:
        """Return how cards are written in a note, None if no plug-in reads it.

        `tags` are those of its front matter. All that any plug-in reads is a card.
        """
        from ankiforge.extract.markdown.cards import FieldWords, Syntax
        from ankiforge.extract.markdown.tokens import Gaps

        osr, flashcards, o2a = self.osr, self.flashcards, self.o2a
        reads = {"osr": osr.reads(text, tags), "o2a": o2a.reads(path), "flashcards": True}
        names = [name for name in self.names if reads[name]]
        if not names:
            return None
        # what was told to Obsidian_to_Anki is read by its words and expressions alone
        others = [name for name in names if name != "o2a" or not o2a.is_told]
        line, block = {**Syntax().line}, {**Syntax().block}
        signs: set[str] = set()
        questions: list[str] = []
        if others:
            line = {"::": False}
        if {"o2a", "flashcards"}.intersection(others):
            signs |= {"==", "{"}
        if "osr" in others:
            line = _ways(osr.single_line_reversed_card_separator, osr.single_line_card_separator)
            block = _ways(osr.multiline_reversed_card_separator, osr.multiline_card_separator)
            signs |= {sign for pattern, sign in _CLOZE.items() if pattern in osr.cloze_patterns}
        if "o2a" in others:
            line, questions = {"::": False} | line, ["flashcard"]
        if "flashcards" in others:
            line = _ways(flashcards.inline_separator_reverse, flashcards.inline_separator) | line
            questions.append(flashcards.flashcards_tag.lstrip("#"))
        words, inner = None, None
        if "o2a" in names:
            told = o2a.words
            words = FieldWords(told.begin, told.end, told.begin_inline, told.end_inline)
        if "o2a" in names and o2a.is_told:
            inner = Gaps(frozenset(["{"] * o2a.defaults.curly + ["=="] * o2a.defaults.marks))
        return Syntax(
            line,
            block,
            osr.multiline_card_end_marker.strip() if block and "osr" in others else "",
            Gaps(frozenset(signs), together=names[0] == "flashcards"),
            tuple(questions),
            words,
            o2a.fields_dict if inner else {},
            inner,
            asks="o2a" in others,
            declared=bool(others),
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
        raw, _ = read_file(path, LARGEST_SETTINGS)
        listed = msgspec.json.decode(raw, type=list[str])
    except (ItemError, ValueError, RecursionError) as error:
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
        if name not in names or not path.exists():
            continue
        try:
            data = read_settings(path)
            told = msgspec.convert(data.get("settings", data), type(getattr(found, name)))
            if isinstance(told, _O2a):
                fields = msgspec.convert(data.get("fields_dict", {}), dict[str, Strings])
                told = msgspec.structs.replace(told, fields_dict=fields, is_told=True)
        except (ItemError, ValueError) as error:
            what = f"the settings of {folder} cannot be read, so its defaults are used: {error}"
            where = path.relative_to(vault).as_posix()
            problems.append(Problem(where, what, "open the plugin's settings in Obsidian"))
        else:
            found = msgspec.structs.replace(found, **{name: told})
    for kind, why in found.o2a.patterns()[1].items():
        where = f".obsidian/plugins/{PLUGINS['o2a']}/data.json"
        what = f"the expression of Obsidian_to_Anki for {kind} cannot be used: {why}"
        hint = "write it another way in the plugin's settings"
        problems.append(Problem(where, what, hint, notice=True))
    return found, problems


_TEMPLATES = {
    "templates.json": "folder",  # Obsidian's own plugin
    "plugins/templater-obsidian/data.json": "templates_folder",
}


def template_folders(vault: Path) -> Iterator[str]:
    """Yield the folders of templates that plug-ins were told, below the vault."""
    for name, key in _TEMPLATES.items():
        with suppress(ItemError):
            folder = read_settings(vault / ".obsidian" / name).get(key)
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
    searcher: Searcher = field(default_factory=Searcher)
    """Searches for the expressions of a plugin."""

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

    @contextmanager
    def reading(self, files: list[File]) -> Iterator[None]:
        """End the process that searches for expressions when all files are read."""
        try:
            yield
        finally:
            self.searcher.close()

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
        note = Note(text, document, frozenset(marks), dialects=dialects)
        if "o2a" in self.dialects.names and self.dialects.o2a.reads(file.path):
            note = self._of_o2a(note, file.path)
        yield from self.read_note(note, picture)

    def _of_o2a(self, note: Note, path: str) -> Note:
        """Return a note as Obsidian_to_Anki reads it: with its deck and tags, and custom cards."""
        o2a = self.dialects.o2a
        named, deck, tags = o2a.deck_and_tags(note.text, path)
        document = msgspec.structs.replace(note.document, deck=named, tags=tags)
        written = partial(o2a.cards, searcher=self.searcher) if o2a.patterns()[0] else None
        text = o2a.without_deck(note.text)
        return note._replace(text=text, document=document, written=written, deck_of_cards=deck)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        # the plugin writes the fields of each new note type in Anki into its settings
        o2a = msgspec.structs.replace(self.dialects.o2a, fields_dict={})
        dialects = msgspec.structs.replace(self.dialects, o2a=o2a)
        return f"{super().selection}\n{msgspec.json.encode(dialects).decode()}"

    def _is_marked(self, path: str) -> bool:
        """Return whether a drawing contains marks."""
        with suppress(ItemError):
            drawing, _ = read_file(self.folder.root / path, LARGEST)
            return _MARK.search(drawing) is not None
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
