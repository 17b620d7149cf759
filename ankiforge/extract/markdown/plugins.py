r"""How plug-ins of Obsidian write cards in notes, by the settings that they keep in the vault.

Three are known: obsidian-spaced-repetition (`osr`), Obsidian_to_Anki (`o2a`) and
flashcards-obsidian (`flashcards`).

The regular expressions that a person gave Obsidian_to_Anki come from JavaScript (`translated`)
and may take for ever on the wrong text: nearly all that people use repeat a repetition,
`((?:[^\n][\n]?)+)`, so that they cannot be distinguished from dangerous ones by their look. So
the library `regex` searches (`Searcher`), which gives up after some processor time, and before it
needs too much memory.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.files import LARGEST_SETTINGS, matcher, read_file, read_settings
from ankiforge.extract.markdown.patterns import FieldWords
from ankiforge.model import Json, Problem, Span, Strings, Texts, Value
from ankiforge.text import regex
from ankiforge.text import regex as compiled

if TYPE_CHECKING:
    from ankiforge.extract.markdown.hand_written import Syntax, Written


SECONDS = 20
"""Processor time for one expression in one note. A paragraph of 20,000 letters takes
some seconds."""
TOTAL = 300
"""Seconds of processor time for all notes of a scan. What is left is read by the next one."""
PATIENCE = 3
"""The number of notes in which time ran out after which no other is searched in this scan."""
LONGEST = 2_000
"""Characters of an expression."""
MOST = 2_000
"""Matches of an expression in a note."""


class ExpressionMatch(NamedTuple):
    """A match: its span, and the text of its groups, "" for one that took no part."""

    span: Span
    groups: tuple[str, ...]


# --- from JavaScript to Python --------------------------------------------------------

# What differs between both: a part of an expression, or one of a class.
_PART = compiled(
    r"""(?x)
      (?P<brace>\{(?!\d+(?:,\d*)?\}))  # no quantifier: `regex` reads some as fuzzy ones
    | \\(?P<escape>[\s\S])
    | (?P<opens>\[\^?\]?)             # the start of a class
    | (?P<closes>\])
    """
)
# White space in JavaScript, as the content of a class.
_BLANKS = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


@lru_cache(maxsize=256)
def translated(expression: str) -> str:
    """Return an expression of JavaScript, with flags `gm`, as one of Python.

    Raises:
        ValueError: Python has no such expression, with the reason.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    in_class = False
    parts = []
    done = 0
    for part in _PART.finditer(expression):
        parts.append(expression[done : part.start()])
        done = part.end()
        written = part[0]
        match part.lastgroup:
            case "escape":
                letter = part["escape"]
                if letter == "s":
                    written = _BLANKS if in_class else f"[{_BLANKS}]"
                elif letter == "S" and not in_class:
                    written = f"[^{_BLANKS}]"
            case "closes":
                written = written if in_class else r"\]"
                in_class = False
            case _ if in_class:
                written = written.replace("[", r"\[")
            case "opens":
                in_class = True
            case "brace":
                written = r"\{"
        parts.append(written)
    parts.append(expression[done:])
    in_python = "".join(parts)
    import regex

    try:
        regex.compile(in_python, regex.MULTILINE | regex.ASCII)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    return in_python


# --- searching ------------------------------------------------------------------------


class Searcher:
    """Searches the notes of a scan by expressions, and remembers which took too long."""

    def __init__(self, seconds: float = 0) -> None:
        """`seconds` is the processor time for one expression in one note; 0 = `SECONDS`."""
        self._seconds = seconds or SECONDS
        self._failed: list[str] = []
        """The expressions that took too long."""
        self._spent = 0.0
        """Seconds of processor time that searching took in this scan."""

    def find(
        self, name: str, patterns: Sequence[str], text: str
    ) -> list[list[ExpressionMatch]]:
        """Return the matches of each form of an expression, in their order.

        Args:
            name: what a person knows the expression by.
            patterns: its forms, as `translated` returns them.
            text: the text.

        Raises:
            ItemError: it takes too long.
        """
        if len(self._failed) >= PATIENCE:
            raise self._error(self._failed[-1], f"in {PATIENCE} other notes")
        if self._spent > TOTAL:
            message = f"expressions took more than {TOTAL} s in this run"
            raise ItemError(
                message, hint="run again: the next run continues with this note"
            )
        import regex

        begun = time.process_time()
        found: list[list[ExpressionMatch]] = []
        try:
            for form in patterns:
                left = max(self._seconds - (time.process_time() - begun), 0.001)
                matches: list[ExpressionMatch] = []
                pattern = regex.compile(form, regex.MULTILINE | regex.ASCII)
                for match in pattern.finditer(text, timeout=left):
                    groups = tuple(group or "" for group in match.groups())
                    matches.append(ExpressionMatch(match.span(), groups))
                    if len(matches) == MOST:
                        break
                found.append(matches)
            return found
        except (TimeoutError, MemoryError) as error:
            self._failed.append(name)
            raise self._error(name, "in it") from error
        finally:
            self._spent += time.process_time() - begun

    def close(self) -> None:
        """Forget the expressions that took too long: another scan begins."""
        self._failed.clear()
        self._spent = 0.0

    def _error(self, name: str, where: str) -> ItemError:
        limit = f"{self._seconds:g} s, or too much memory,"
        message = f"{name} takes longer than {limit} {where}, so it is not read"
        hint = "make the expression simpler in the plugin's settings"
        return ItemError(message, hint=hint)


# --- the settings of plug-ins ---------------------------------------------------------

PLUGINS = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "obsidian-to-anki-plugin",
    "flashcards": "flashcards-obsidian",
}
"""By dialect: the plugin's id, which is also the name of its folder."""


# --- the settings of the plugins --------------------------------------------------------

# The cloze patterns of obsidian-spaced-repetition that are read, and what marks such a
# cloze.
_CLOZE = {
    "==[123;;]answer[;;hint]==": "==",
    "**[123;;]answer[;;hint]**": "bold",
    "{{[123;;]answer[;;hint]}}": "{{",
    "{{[123::]answer[::hint]}}": "{{",
}


# Older versions said with a switch for each of them which clozes are read.
_CLOZE_SWITCHES = {
    "convertHighlightsToClozes": "==[123;;]answer[;;hint]==",
    "convertBoldTextToClozes": "**[123;;]answer[;;hint]**",
    "convertCurlyBracketsToClozes": "{{[123;;]answer[;;hint]}}",
}


def _of_today(settings: Json) -> Json:
    """Return the settings that an older version of obsidian-spaced-repetition wrote as today's."""
    renamed = {
        name.replace("singleline", "singleLine", 1): value
        for name, value in settings.items()
    }
    if "clozePatterns" not in renamed and not _CLOZE_SWITCHES.keys().isdisjoint(renamed):
        on = {"convertHighlightsToClozes": True, **renamed}
        renamed["clozePatterns"] = [
            pattern for switch, pattern in _CLOZE_SWITCHES.items() if on.get(switch)
        ]
    return renamed


class _Osr(Value, rename="camel"):
    """The settings of obsidian-spaced-repetition, with its own names and defaults."""

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

    def deck_tags(self) -> Strings:
        """Return the tags of decks, casefolded; () if the folders are the decks."""
        if self.convert_folders_to_decks:
            return ()
        names = [tag.strip("#/ ").casefold() for tag in self.flashcard_tags]
        return tuple(filter(None, names))

    def reads(self, text: str, tags: Collection[str]) -> bool:
        """Return whether a note contains cards. `tags` are those of its front matter."""
        names = []
        for tag in self.flashcard_tags:
            if tag:
                names.append(re.escape(tag.strip("#")))
        if not "|".join(names) or self.convert_folders_to_decks:
            return True
        named = re.compile(rf"(?i)(?<!\S)#(?:{'|'.join(names)})(?![\w-])")
        front = "".join(f"\n#{tag}" for tag in tags)
        return named.search(text + front) is not None


class _Flashcards(Value, rename="camel"):
    """The settings of flashcards-obsidian, with its own names and defaults."""

    flashcards_tag: str = "card"
    inline_separator: str = "::"
    inline_separator_reverse: str = ":::"


class _O2aDefaults(
    Value,
    rename={
        "deck": "Deck",
        "curly": "CurlyCloze",
        "marks": "CurlyCloze - Highlights to Clozes",
        "folder": "Scan Directory",
    },
):
    """The settings of Obsidian_to_Anki for all notes."""

    deck: str = "Default"
    curly: bool = False
    """Whether `{x}` is a gap in a cloze note."""
    marks: bool = False
    """Whether `==x==` is one, too."""
    folder: str = ""
    """The folder whose notes are read; "" = all."""


class _O2a(
    Value,
    rename={
        "words": "Syntax",
        "defaults": "Defaults",
        "expressions": "CUSTOM_REGEXPS",
        "folder_decks": "FOLDER_DECKS",
        "ignored": "IGNORED_FILE_GLOBS",
    },
):
    """The settings of Obsidian_to_Anki, with its own names and defaults."""

    words: FieldWords = FieldWords()
    defaults: _O2aDefaults = _O2aDefaults()
    expressions: Texts = {}
    """By note type: an expression whose groups are the fields."""
    folder_decks: Texts = {}
    ignored: Strings = ()
    """Patterns of notes that are not read."""
    fields_dict: Mapping[str, Strings] = {}
    """The names of the fields of note types."""

    def reads(self, path: str) -> bool:
        """Return whether the note at a path contains cards."""
        folder = self.defaults.folder.strip("/")
        if folder and not path.startswith(f"{folder}/"):
            return False
        return not (self.ignored and matcher(self.ignored)(path))

    def patterns(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the usable expressions, and why others cannot be used, by note type."""
        usable: dict[str, str] = {}
        faults: dict[str, str] = {}
        for note_type, expression in self.expressions.items():
            if not expression:
                continue
            try:
                translated(expression)
            except ValueError as error:
                faults[note_type] = str(error)
            else:
                usable[note_type] = expression
        return usable, faults

    def deck_and_tags(self, text: str, path: str) -> tuple[str, str, Strings]:
        """Return the deck that a note names, the one for its cards otherwise, and its tags."""
        deck_line = _declared(self.words.deck, text)
        deck_name = deck_line[1].strip() if deck_line else ""
        tags_line = _declared(self.words.tags, text)
        tags = tags_line[1].split() if tags_line else []
        # the innermost folder around it that has a deck
        folder = path.rpartition("/")[0]
        while folder and not self.folder_decks.get(folder):
            folder = folder.rpartition("/")[0]
        default = "" if self.defaults.deck == "Default" else self.defaults.deck
        deck = self.folder_decks.get(folder) or default
        return deck_name, deck, tuple(dict.fromkeys(tags))

    def with_usual_deck_line(self, text: str) -> str:
        """Return a note whose line with the deck begins as the plug-in writes it by default."""
        if self.words.deck == FieldWords().deck or not _declared(self.words.deck, text):
            return text
        line = re.compile(rf"(?m)^{re.escape(self.words.deck)}(?=:|[ \t]*$)")
        return line.sub(FieldWords().deck, text)

    def cards(self, text: str, searcher: Searcher) -> dict[int, Written]:
        """Return the cards that the expressions find in a note, by the line at which they begin.

        As in the plugin, a match within another one, in code or in maths does not count.

        Raises:
            ItemError: an expression takes too long.
        """
        from ankiforge.extract.markdown.hand_written import of_values
        from ankiforge.extract.markdown.placeholders import prepared, restored

        taken = self._never_matched(text)
        gap = r"\{\{c\d+::"
        if self.defaults.curly:
            gap += r"|(?<!\{)\{(?!\{)[^{}]+\}(?!\})"
        if self.defaults.marks:
            gap += "|=="
        cards: dict[int, Written] = {}
        for note_type, signs, match in self._matches(text, searcher):
            # another match may be a letter wider at each end
            first, last = match.span
            if any(start - 1 <= first and last <= end + 1 for start, end in taken):
                continue
            # the last groups are its tags and its id, which is read from below the card
            end_of_values = len(match.groups) - len(signs)
            values = match.groups[:end_of_values]
            if "Cloze" in note_type and not re.search(gap, "\n".join(values)):
                continue
            taken.append(match.span)
            tags: Strings = ()
            if _TAGS in signs:
                written_tags = match.groups[end_of_values]
                tags = tuple(written_tags.removeprefix(_TAGS).split())

            # its fields, without what other tools wrote in comments
            names = self.fields_dict.get(note_type, ())[: len(values)]
            fields: list[tuple[str, str]] = []
            for field_name, value in zip_longest(names, values, fillvalue=""):
                source = prepared(value.rstrip().removesuffix("<!--"), fields=False)
                fields.append((field_name, restored(source.text, source.maths)))

            # its lines, without the blanks around it, and to the end of a fence that it cuts
            matched = text[first:last]
            first_letter = last - len(matched.lstrip())
            after_last_letter = first + len(matched.rstrip())
            line_after = text.count("\n", 0, after_last_letter) + 1
            if len(_FENCE_LINE.findall(matched)) % 2:
                fence_end = _FENCE_END.match(text, after_last_letter)
                line_after += fence_end[0].count("\n") if fence_end else 0
            written = f"your expression for {note_type}"
            card = of_values(note_type, fields, line_after, written, tags)
            if card:
                cards.setdefault(text.count("\n", 0, first_letter), card)
        return cards

    def _never_matched(self, text: str) -> list[Span]:
        """Return where no expression matches: code, maths, other cards, lines of deck and tags."""
        words = self.words
        patterns = [_CODE_OR_MATHS]
        if words.begin and words.end:
            begin = re.escape(words.begin)
            end = re.escape(words.end)
            patterns.append(re.compile(rf"(?m)^{begin}\n(?:.*\n)*?{end}"))
        if words.begin_inline and words.end_inline:
            begin = re.escape(words.begin_inline)
            end = re.escape(words.end_inline)
            patterns.append(re.compile(rf"{begin}.*?{end}"))
        spans: list[Span] = []
        for pattern in patterns:
            spans += [match.span() for match in pattern.finditer(text)]
        for word in (words.deck, words.tags):
            line = _declared(word, text)
            if line:
                spans.append(line.span())
        return spans

    def _matches(
        self, text: str, searcher: Searcher
    ) -> Iterator[tuple[str, Strings, ExpressionMatch]]:
        """Yield (note type, signs of the last groups, match), in the plugin's order.

        Each expression is tried with all that may follow a card.
        """
        endings = {}
        for ending, signs in _AFTER_MATCH.items():
            if all(sign in text for sign in signs):
                endings[ending] = signs
        usable, _ = self.patterns()
        for note_type, expression in usable.items():
            name = f"the expression of Obsidian_to_Anki for {note_type}"
            patterns = [translated(expression + ending) for ending in endings]
            found_by_ending = searcher.find(name, patterns, text)
            for signs, matches in zip(endings.values(), found_by_ending, strict=True):
                for match in matches:
                    yield note_type, signs, match


_FENCE_LINE = regex(r"(?m)^[ \t>]*(?:```|~~~)")
# Up to the end of a fence, if no other one begins before.
_FENCE_END = regex(
    r"(?:[^\n]*\n(?![ \t>]*(?:```|~~~))){0,200}[^\n]*\n[ \t>]*(?:```|~~~)[`~]*[ \t]*(?=\n|\Z)"
)
_TAGS = "Tags: "
_TAGS_AFTER = f"({_TAGS}.*)"
_ID = "ID: "
_ID_AFTER = rf"\n?(?:<!--)?(?:{_ID}(\d+).*)"
# What the plugin finds after the match of an expression, in its order, each with the signs
# of its groups.
_AFTER_MATCH = {
    _TAGS_AFTER + _ID_AFTER: (_TAGS, _ID),
    _ID_AFTER: (_ID,),
    _TAGS_AFTER: (_TAGS,),
    "": (),
}
_CODE_OR_MATHS = regex(
    r"(?m)^```(?:.*\n)*?```|(?<!`)`(?!`)[^`\n]+`"
    r"|\$\$[^$]+\$\$|(?<!\$)\$(?=\S)[^$\n]+(?<=\S)\$(?!\$)"
)


def _declared(word: str, text: str) -> re.Match[str] | None:
    """Return where a note says its deck or tags: on the line of a word, or on the next one."""
    if not word or word not in text:
        return None
    declaration = re.compile(rf"(?m)^{re.escape(word)}(?:\n|: )(.*)")
    return declaration.search(text)


class Dialects(Value):
    """The dialects that the settings name, in their order, by their plugins' settings."""

    names: Strings = ()
    osr: _Osr = _Osr()
    flashcards: _Flashcards = _Flashcards()
    o2a: _O2a = _O2a()

    def syntax(
        self,
        text: str,
        tags: Collection[str],
        path: str,
    ) -> Syntax | None:
        """Return how cards are written in a note, None if no plugin reads it.

        `tags` are those of its front matter. All that any plugin reads is a card.
        """
        from ankiforge.extract.markdown.hand_written import Syntax
        from ankiforge.extract.markdown.signs import Gaps

        osr = self.osr
        o2a = self.o2a
        flashcards = self.flashcards
        reads = {
            "osr": "osr" in self.names and osr.reads(text, tags),
            "o2a": "o2a" in self.names and o2a.reads(path),
            "flashcards": True,
        }
        names = [name for name in self.names if reads[name]]
        if not names:
            return None
        syntax = Syntax(declared=names != ["o2a"])

        if "o2a" in names:
            signs_inside = set()
            if o2a.defaults.curly:
                signs_inside.add("{")
            if o2a.defaults.marks:
                signs_inside.add("==")
            syntax = syntax._replace(
                words=o2a.words,
                fields=o2a.fields_dict,
                inner=Gaps(frozenset(signs_inside)),
            )

        line = {"::": False}
        gaps: set[str] = set()
        if "osr" in names:
            line = _signs(
                two_way=osr.single_line_reversed_card_separator,
                one_way=osr.single_line_card_separator,
            )
            block = _signs(
                two_way=osr.multiline_reversed_card_separator,
                one_way=osr.multiline_card_separator,
            )
            end = osr.multiline_card_end_marker.strip() if block else ""
            for pattern, sign in _CLOZE.items():
                if pattern in osr.cloze_patterns:
                    gaps.add(sign)
            syntax = syntax._replace(block=block, end=end, deck_tags=osr.deck_tags())
        if "flashcards" in names:
            own_signs = _signs(
                two_way=flashcards.inline_separator_reverse,
                one_way=flashcards.inline_separator,
            )
            # where two dialects differ, obsidian-spaced-repetition counts
            line = own_signs | line
            gaps |= {"==", "{"}
            tag = flashcards.flashcards_tag.lstrip("#")
            syntax = syntax._replace(tags=(tag,))
        if syntax.declared:
            syntax = syntax._replace(
                line=line, gaps=Gaps(frozenset(gaps), together=names[0] == "flashcards")
            )
        return syntax._replace(deck=syntax.deck_of(tags))


def _signs(*, two_way: str, one_way: str) -> dict[str, bool]:
    """Return the separators of the sides of a card, and whether each makes a two-way card."""
    signs = {}
    for sign in (two_way, one_way):
        if sign.strip():
            signs[sign] = sign == two_way
    return signs


# --- the files of the plugins -----------------------------------------------------------


def plugins_of(vault: Path) -> tuple[Strings | None, Problem | None]:
    """Return the ids of the plugins that are switched on in a vault.

    A plugin's folder alone says nothing: it stays when the plugin is switched off.

    Returns:
        The ids, None if they cannot be read, and then the problem.
    """
    path = vault / ".obsidian" / "community-plugins.json"
    if not path.exists():
        return (), None
    try:
        raw, _ = read_file(path, LARGEST_SETTINGS)
        return tuple(msgspec.json.decode(raw, type=list[str])), None
    except (ItemError, ValueError, RecursionError) as error:
        message = (
            f"the list of plugins cannot be read, so cards are read as before: {error}"
        )
        hint = "switch any plugin off and on again in Obsidian"
        return None, Problem(path.relative_to(vault).as_posix(), message, hint)


def read_dialects(vault: Path, names: Strings) -> tuple[Dialects, list[Problem]]:
    """Return the dialects of these names, and the plugins' files that cannot be read.

    A plugin without a file uses its defaults, and so does our reader.
    """
    dialects = Dialects(names)
    problems: list[Problem] = []
    for name, plugin in PLUGINS.items():
        path = vault / ".obsidian" / "plugins" / plugin / "data.json"
        if name not in names or not path.exists():
            continue
        try:
            data = read_settings(path)
            kept = data.get("settings", data)
            if name == "osr" and isinstance(kept, dict):
                kept = _of_today(kept)
            settings = msgspec.convert(kept, type(getattr(dialects, name)))
            if isinstance(settings, _O2a):
                fields = msgspec.convert(data.get("fields_dict", {}), dict[str, Strings])
                settings = msgspec.structs.replace(settings, fields_dict=fields)
        except (ItemError, ValueError) as error:
            message = f"the settings of {plugin} cannot be read, so its defaults are used: {error}"
            where = path.relative_to(vault).as_posix()
            problems.append(
                Problem(where, message, "open the plugin's settings in Obsidian")
            )
        else:
            dialects = msgspec.structs.replace(dialects, **{name: settings})
    _, faults = dialects.o2a.patterns()
    for note_type, reason in faults.items():
        where = f".obsidian/plugins/{PLUGINS['o2a']}/data.json"
        message = (
            f"the expression of Obsidian_to_Anki for {note_type} cannot be used: {reason}"
        )
        hint = "write it another way in the plugin's settings"
        problems.append(Problem(where, message, hint, notice=True))
    return dialects, problems
