"""Read the settings of flashcard plug-ins from an Obsidian vault.

A dialect is the syntax in which a plug-in writes cards. The supported plug-ins are
obsidian-spaced-repetition (dialect `osr`) and Obsidian_to_Anki (`o2a`).
`PluginSyntaxes.build_syntax` combines their settings into the card syntax of a note.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.files import (
    MAX_SETTINGS_BYTES,
    compile_patterns,
    read_file,
    read_json_settings,
)
from ankiforge.extract.markdown.syntaxes import FieldKeywords
from ankiforge.model import Json, Problem, Strings, Texts, Value

if TYPE_CHECKING:
    from ankiforge.extract.markdown.hand_written import CardSyntax


PLUGIN_BY_DIALECT = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "obsidian-to-anki-plugin",
}
"""Maps each plug-in syntax to its plug-in's id, which is also the name of the plug-in's folder."""


# --- the settings of the plug-ins -------------------------------------------------------

# Maps each supported cloze pattern of obsidian-spaced-repetition to the marker of its clozes,
# as in `InlineContext.cloze_markers`.
_MARKER_BY_CLOZE_PATTERN = {
    "==[123;;]answer[;;hint]==": "==",
    "**[123;;]answer[;;hint]**": "bold",
    "{{[123;;]answer[;;hint]}}": "{{",
    "{{[123::]answer[::hint]}}": "{{",
}


# Maps each boolean setting that older versions had instead to the equivalent cloze pattern.
_PATTERN_BY_OLD_SWITCH = {
    "convertHighlightsToClozes": "==[123;;]answer[;;hint]==",
    "convertBoldTextToClozes": "**[123;;]answer[;;hint]**",
    "convertCurlyBracketsToClozes": "{{[123;;]answer[;;hint]}}",
}


def _upgrade_osr_settings(settings: Json) -> Json:
    renamed = {
        name.replace("singleline", "singleLine", 1): value
        for name, value in settings.items()
    }
    has_old_switch = not _PATTERN_BY_OLD_SWITCH.keys().isdisjoint(renamed)
    if "clozePatterns" not in renamed and has_old_switch:
        switches = {"convertHighlightsToClozes": True, **renamed}
        renamed["clozePatterns"] = [
            pattern
            for switch, pattern in _PATTERN_BY_OLD_SWITCH.items()
            if switches.get(switch)
        ]
    return renamed


class _OsrSettings(Value, rename="camel"):
    single_line_card_separator: str = "::"
    single_line_reversed_card_separator: str = ":::"
    multiline_card_separator: str = "?"
    multiline_reversed_card_separator: str = "??"
    multiline_card_end_marker: str = ""
    """The line that ends an answer, or "" if an empty line does."""
    cloze_patterns: Strings = ("==[123;;]answer[;;hint]==",)
    flashcard_tags: Strings = ("#flashcards",)
    """Only notes with one of these tags contain cards, or all notes if there are none."""
    convert_folders_to_decks: bool = False
    """Whether decks are named after folders, so that all notes may contain cards, whatever their
    tags."""

    def get_deck_tags(self) -> Strings:
        """Return the casefolded tags that name decks, or () if directories name the decks."""
        if self.convert_folders_to_decks:
            return ()
        names = [tag.strip("#/ ").casefold() for tag in self.flashcard_tags]
        return tuple(filter(None, names))

    def add_to_syntax(self, syntax: CardSyntax) -> CardSyntax:
        """Return the syntax of a note with the cards of this plug-in."""
        cloze_markers = map(_MARKER_BY_CLOZE_PATTERN.get, self.cloze_patterns)
        syntax = syntax._replace(
            line_separators=_merge_separators(
                two_way=self.single_line_reversed_card_separator,
                one_way=self.single_line_card_separator,
            ),
            block_separators=_merge_separators(
                two_way=self.multiline_reversed_card_separator,
                one_way=self.multiline_card_separator,
            ),
            cloze_markers=frozenset(filter(None, cloze_markers)),
            deck_tags=self.get_deck_tags(),
        )
        if syntax.block_separators:
            end_line = self.multiline_card_end_marker.strip()
            syntax = syntax._replace(answer_end_line=end_line)
        return syntax

    def reads_note(self, text: str, tags: Collection[str]) -> bool:
        """Return whether the plug-in reads a note with this text and these front matter tags."""
        deck_tags = "|".join(
            [re.escape(tag.strip("#")) for tag in self.flashcard_tags if tag]
        )
        if not deck_tags or self.convert_folders_to_decks:
            return True
        tag_pattern = re.compile(rf"(?i)(?<!\S)#(?:{deck_tags})(?![\w-])")
        front_tags = "".join(f"\n#{tag}" for tag in tags)
        return tag_pattern.search(text + front_tags) is not None


class _O2aDefaultSettings(
    Value,
    rename={
        "deck": "Deck",
        "curly": "CurlyCloze",
        "marks": "CurlyCloze - Highlights to Clozes",
        "folder": "Scan Directory",
    },
):
    deck: str = "Default"
    curly: bool = False
    """Whether `{x}` is a gap in a cloze note."""
    marks: bool = False
    """Whether `==x==` is a gap in a cloze note."""
    folder: str = ""
    """The only folder to read, or "" for the whole vault."""


class _O2aSettings(
    Value,
    rename={
        "words": "Syntax",
        "defaults": "Defaults",
        "expressions": "CUSTOM_REGEXPS",
        "folder_decks": "FOLDER_DECKS",
        "ignored": "IGNORED_FILE_GLOBS",
    },
):
    words: FieldKeywords = FieldKeywords()
    defaults: _O2aDefaultSettings = _O2aDefaultSettings()
    expressions: Texts = {}
    """Maps each note type to a regular expression that finds cards. We don't read such cards."""
    folder_decks: Texts = {}
    """Maps the path of a folder to its deck."""
    ignored: Strings = ()
    """Glob patterns of the notes that the plug-in ignores."""

    def reads_note(self, path: str) -> bool:
        """Return whether the plug-in reads the note at `path`."""
        folder = self.defaults.folder.strip("/")
        if folder and not path.startswith(f"{folder}/"):
            return False
        return not (self.ignored and compile_patterns(self.ignored)(path))

    def add_to_syntax(self, syntax: CardSyntax) -> CardSyntax:
        """Return the syntax of a note with the cards of this plug-in."""
        # the markers of gaps in notes of a cloze type
        cloze_markers = {"{{"}
        if self.defaults.curly:
            cloze_markers.add("{")
        if self.defaults.marks:
            cloze_markers.add("==")
        return syntax._replace(
            field_words=self.words, field_cloze_markers=frozenset(cloze_markers)
        )

    def parse_deck_and_tags(self, text: str, path: str) -> tuple[str, str, Strings]:
        """Parse the deck and tags that a note declares for its cards.

        Returns:
            (deck, fallback_deck, tags). The deck is the one named in the note, or "". The fallback
            deck is that of the innermost directory that has one, or else the default deck.
        """
        deck = _find_declaration(self.words.deck, text).strip()
        tags = _find_declaration(self.words.tags, text).split()
        return deck, self._choose_fallback_deck(path), tuple(dict.fromkeys(tags))

    def _choose_fallback_deck(self, path: str) -> str:
        """Choose the deck of the innermost directory that has one, or else the default deck."""
        *folders, _vault = PurePosixPath(path).parents
        for folder in folders:
            if self.folder_decks.get(str(folder)):
                return self.folder_decks[str(folder)]
        if self.defaults.deck == "Default":
            return ""
        return self.defaults.deck


def _find_declaration(keyword: str, text: str) -> str:
    """Return the deck or tags that a note declares in a line `KEYWORD: …`, or "" if there are none.

    If the keyword is alone on its line, they are in the next line.
    """
    if not keyword or keyword not in text:
        return ""
    line = re.search(rf"(?m)^{re.escape(keyword)}(?:\n|: )(.*)", text)
    if line is None:
        return ""
    return line[1]


class PluginSyntaxes(Value):
    """The card syntaxes to read in a vault, with the settings of their plug-ins."""

    names: Strings = ()
    """The plug-in syntaxes to read, in the order of the settings."""
    osr: _OsrSettings = _OsrSettings()
    o2a: _O2aSettings = _O2aSettings()

    def build_syntax(
        self,
        text: str,
        tags: Collection[str],
        path: str,
    ) -> CardSyntax | None:
        """Combine the card syntaxes of all plug-ins that read a note.

        Args:
            text: The text of the note.
            tags: The tags in the front matter.
            path: The path of the note within the vault.

        Returns:
            The combined syntax, or None if no plug-in reads the note.
        """
        from ankiforge.extract.markdown.hand_written import CardSyntax

        reads_osr = "osr" in self.names and self.osr.reads_note(text, tags)
        reads_o2a = "o2a" in self.names and self.o2a.reads_note(path)
        if not (reads_osr or reads_o2a):
            return None
        syntax = CardSyntax(is_declared=reads_osr)
        if reads_o2a:
            syntax = self.o2a.add_to_syntax(syntax)
        if reads_osr:
            syntax = self.osr.add_to_syntax(syntax)
        return syntax._replace(default_deck=syntax.find_deck(tags))


def _merge_separators(*, two_way: str, one_way: str) -> dict[str, bool]:
    """Map each separator that isn't empty to whether it makes a two-way card."""
    separators = {}
    for separator in (two_way, one_way):
        if separator.strip():
            separators[separator] = separator == two_way
    return separators


# --- the files of the plug-ins ----------------------------------------------------------


def read_enabled_plugins(vault: Path) -> tuple[Strings | None, Problem | None]:
    """Read the ids of the enabled plug-ins of a vault.

    The directories of plug-ins don't show this, because they remain when a plug-in is disabled.

    Returns:
        (ids, None), or (None, problem) if the ids cannot be read. The ids are empty if the vault
            has no list of plug-ins.
    """
    path = vault / ".obsidian" / "community-plugins.json"
    if not path.exists():
        return (), None
    try:
        raw, _ = read_file(path, MAX_SETTINGS_BYTES)
        return tuple(msgspec.json.decode(raw, type=list[str])), None
    except (ItemError, ValueError, RecursionError) as error:
        message = (
            f"the list of plugins cannot be read, so cards are read as before: {error}"
        )
        hint = "switch any plugin off and on again in Obsidian"
        return None, Problem(path.relative_to(vault).as_posix(), message, hint)


def read_plugin_syntaxes(
    vault: Path, names: Strings
) -> tuple[PluginSyntaxes, list[Problem]]:
    """Read the settings of the plug-ins whose syntaxes are in `names`.

    If a plug-in has no readable settings, its defaults are used.

    Returns:
        (syntaxes, problems). The problems are settings that cannot be read, and custom regular
        expressions, which are not supported.
    """
    osr, o2a = _OsrSettings(), _O2aSettings()
    problems: list[Problem] = []
    try:
        if "osr" in names:
            raw_settings = _read_plugin_settings(vault, "osr")
            if isinstance(raw_settings, dict):
                raw_settings = _upgrade_osr_settings(raw_settings)
            osr = msgspec.convert(raw_settings, _OsrSettings)
    except (ItemError, ValueError) as error:
        problems.append(_create_settings_problem("osr", error))
    try:
        if "o2a" in names:
            o2a = msgspec.convert(_read_plugin_settings(vault, "o2a"), _O2aSettings)
    except (ItemError, ValueError) as error:
        problems.append(_create_settings_problem("o2a", error))
    if any(o2a.expressions.values()):
        message = (
            "cards that only a custom regular expression of Obsidian_to_Anki finds are not read;"
            " those in the forms `Q: … A: …`, `question::answer` and START … END are"
        )
        hint = "keep the plug-in on for the others: ankiforge list --no-card --all names them"
        path = _get_settings_path("o2a")
        problems.append(Problem(path, message, hint, is_notice=True))
    return PluginSyntaxes(names, osr, o2a), problems


def _get_settings_path(name: str) -> str:
    """Return the path of the settings of a syntax's plug-in, relative to the vault."""
    return f".obsidian/plugins/{PLUGIN_BY_DIALECT[name]}/data.json"


def _read_plugin_settings(vault: Path, name: str) -> Any:
    """Read the settings of a syntax's plug-in, or return {} if it has none.

    Raises:
        ItemError: The settings can't be read.
    """
    path = vault / _get_settings_path(name)
    if not path.exists():
        return {}
    data = read_json_settings(path)
    return data.get("settings", data)


def _create_settings_problem(name: str, error: Exception) -> Problem:
    plugin = PLUGIN_BY_DIALECT[name]
    message = (
        f"the settings of {plugin} cannot be read, so its defaults are used: {error}"
    )
    hint = "open the plugin's settings in Obsidian"
    return Problem(_get_settings_path(name), message, hint)
