"""Hold cards against the text that they should be from: a lecture, a paper, a chapter.

Words are compared, not meanings: what is not there is found, and one true card in four, in
other words than its source, is doubted. So the result is a list to be read beside the nearest
passage, and never a verdict.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec.structs import replace

from ankiforge import check
from ankiforge.anki.reading import ReadNote
from ankiforge.check import Context, DuplicateIndex
from ankiforge.errors import ItemError
from ankiforge.language.words import content, stem
from ankiforge.model import (
    Card,
    CardKind,
    Document,
    DocumentKey,
    Highlight,
    HighlightKey,
    HighlightKind,
    Origin,
    Severity,
    Texts,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.cloze import plain
from ankiforge.text.sentences import sentences

# The checks that say what a source does not.
_OF_SOURCE = frozenset(
    "answer_not_in_source answer_partly ungrounded_number number_altered negation opposite"
    " name_in_answer literal".split()
)
# The share of a card's weight in words that a passage must have. With more, true cards in
# other words are doubted: at .45, 25 of 37.
_NEAR = 0.2
_SENTENCES = 3
_CANDIDATES = 4
# As in Okapi BM25.
_SATURATION = 1.2
_LENGTH = 0.4
_LONGEST = 6000
_READABLE = "name a PDF with text, or a .md or .txt file"


class Said(StrEnum):
    """Whether a source says a card."""

    SAID = "said"
    PARTLY = "partly"
    NOT_SAID = "not said"


class HeldAgainst(Value):
    """A card beside the nearest passage of its source."""

    note: ReadNote
    verdict: Said
    why: str
    """What of it the source does not say."""
    passage: str


class SourceText:
    """The passages of a text, found by the words of a card."""

    def __init__(self, text: str) -> None:
        """Read a text; paragraphs are separated by empty lines."""
        self.paragraphs: list[str] = []
        for paragraph in re.split(r"\n\s*\n", text):
            words = " ".join(paragraph.split())
            if words:
                self.paragraphs.append(words)
        self._windows: list[tuple[int, str]] = []
        for number, paragraph in enumerate(self.paragraphs):
            spans = [paragraph[start:end].strip() for start, end in sentences(paragraph)]
            for place in range(max(1, len(spans) - _SENTENCES + 1)):
                window = " ".join(spans[place : place + _SENTENCES])
                self._windows.append((number, window))
        self._words = [Counter(_stems(window)) for _, window in self._windows]
        self._length = sum(map(Counter.total, self._words)) / max(1, len(self._words))
        holders: Counter[str] = Counter()
        for words_of_window in self._words:
            holders.update(words_of_window.keys())
        total = len(self._windows)
        self._weights: dict[str, float] = {}
        for word, count in holders.items():
            self._weights[word] = math.log(1 + (total - count + 0.5) / (count + 0.5))
        self._unknown = math.log(1 + 2 * total)

    def nearest(self, fields: Texts) -> str:
        """Return the paragraph that has most of a card; "" if none has enough."""
        found = self._best(" ".join(fields.values()))
        if not found or found[0][0] < _NEAR:
            return ""
        return self.paragraphs[self._windows[found[0][1]][0]]

    def _best(self, text: str) -> list[tuple[float, int]]:
        """Return the windows that have most of a text, with the share of its weight in them."""
        asked = set(_stems(text))
        weight = sum(self._weights.get(word, self._unknown) for word in asked) or 1
        ranked = []
        for number, words in enumerate(self._words):
            shared = [word for word in asked if word in words]
            if not shared:
                continue
            norm = 1 - _LENGTH + _LENGTH * words.total() / self._length
            score = 0.0
            for word in shared:
                count = words[word]
                score += (
                    self._weights[word]
                    * count
                    * (1 + _SATURATION)
                    / (count + _SATURATION * norm)
                )
            share = sum(self._weights[word] for word in shared) / weight
            ranked.append((score, share, number))
        ranked.sort(reverse=True)
        return [(share, number) for _, share, number in ranked[:_CANDIDATES]]

    def hold(self, note: ReadNote) -> HeldAgainst:
        """Return the words of a card that this text lacks, beside its nearest passage."""
        assert note.draft is not None
        card = with_words_of_option(note.draft)
        best: tuple[int, float] = (9, 0.0)
        held = HeldAgainst(note, Said.NOT_SAID, "no word of it", "")
        for share, number in self._best(" ".join(text for _, text in card.fields)):
            place, window = self._windows[number]
            around = " ".join(self.paragraphs[max(0, place - 1) : place + 2])
            highlight = Highlight(
                document=Document(DocumentKey(""), "", ""),
                namespace="",
                kind=HighlightKind.HIGHLIGHT,
                exact=window,
                sentence=self.paragraphs[place][:_LONGEST],
                nearby=around[:_LONGEST],
            )
            drafted = replace(card, quote=window, origin=Origin("llm"))
            findings = []
            for finding in check.check(drafted, Context(highlight, DuplicateIndex())):
                if finding.check in _OF_SOURCE:
                    findings.append(finding)
            level = 0
            for finding in findings:
                level = max(level, 2 if finding.severity is Severity.BLOCK else 1)
            why = "; ".join(finding.message for finding in findings)
            if share < _NEAR:
                level = max(level, 1)
                why = why or f"only {share:.0%} of its words"
            if (level, -share) < best:
                best = (level, -share)
                verdict = (Said.SAID, Said.PARTLY, Said.NOT_SAID)[level]
                held = HeldAgainst(note, verdict, why, window)
        return held


def _stems(text: str) -> list[str]:
    return [stem(word) for word in content(plain(text))]


def read_source(path: Path) -> SourceText:
    """Read the text of a lecture or a paper.

    Raises:
        ItemError: it cannot be read, or has no text.
    """
    try:
        if path.suffix.casefold() == ".pdf":
            text = _text_of_pdf(path)
        else:
            text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ItemError(f"{path}: is not UTF-8 text", hint=_READABLE) from error
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror or error}"
        if isinstance(error, FileNotFoundError):
            message = f"{path}: no such file"
        raise ItemError(message, hint=_READABLE) from error
    source = SourceText(text)
    if not source.paragraphs:
        raise ItemError(f"{path}: has no text", hint=_READABLE)
    return source


def _text_of_pdf(path: Path) -> str:
    """Return the text of the pages of a PDF, each a paragraph.

    Raises:
        ItemError: it is broken or encrypted.
    """
    import pypdfium2  # type: ignore[import-untyped]

    data = path.read_bytes()
    try:
        document = pypdfium2.PdfDocument(data)
        pages = [page.get_textpage().get_text_bounded() for page in document]
    except pypdfium2.PdfiumError as error:
        raise ItemError(
            f"{path}: cannot be read as a PDF ({error})", hint=_READABLE
        ) from error
    return "\n\n".join(page.replace("\r\n", "\n") for page in pages)


# --- options ------------------------------------------------------------------------------------

_OPTION = regex(r"(?im)^[\s\-*]*(?:option\s+)?([a-h])\\?[.):][ \t]+(.+)$")
_CHOSEN = regex(r"(?i)(?:answer:?\W*)?(?:option\s+)?\W*([a-h])\b[.):]?.{0,80}")
_FEWEST_OPTIONS = 3


def with_words_of_option(card: Card) -> Card:
    """Return a question with options as a question whose answer is the words of the right one."""
    if card.kind is not CardKind.BASIC:
        return card
    front, back = card.field("Front"), plain(card.field("Back")).strip()
    options = {letter.casefold(): text.strip() for letter, text in _OPTION.findall(front)}
    chosen = _CHOSEN.fullmatch(back.splitlines()[-1].strip()) if back else None
    if (
        len(options) < _FEWEST_OPTIONS
        or not chosen
        or chosen[1].casefold() not in options
    ):
        return card
    question = _OPTION.sub("", front).strip()
    words = options[chosen[1].casefold()]
    return replace(card, fields=(("Front", question), ("Back", words)))


# --- each other, and those that are there -------------------------------------------------------


class SameCards(Value):
    """Two cards that ask the same, or one that is in Anki already."""

    note: ReadNote
    other: str
    """The front of the other card."""
    in_anki: bool


def same_cards(notes: Sequence[ReadNote], mine: Iterable[ReadNote]) -> list[SameCards]:
    """Return the pairs among cards that ask the same, and with cards that are there already."""
    index = DuplicateIndex()
    fronts: dict[str, tuple[str, bool]] = {}
    for number, note in enumerate(mine):
        if note.draft is not None:
            index.add(f"mine {number}", HighlightKey(f"m{number}"), note.draft)
            fronts[f"mine {number}"] = note.front, True
    pairs = []
    for number, note in enumerate(notes):
        if note.draft is None:
            continue
        card = with_words_of_option(note.draft)
        key = HighlightKey(f"c{number}")
        found = {finding.duplicate for finding in index.near(card, key)}
        exact = index.exact(card, key)
        if exact:
            found.add(exact)
        for id in sorted(found):
            front, is_mine = fronts[id]
            pairs.append(SameCards(note, front, is_mine))
        index.add(f"card {number}", key, card)
        fronts[f"card {number}"] = note.front, False
    return pairs
