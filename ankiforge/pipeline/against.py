"""Hold cards against the text that they should be from: a lecture, a paper, a chapter.

Words are compared, not meanings: what is not there is found, and one true card in four, in
other words than its source, is doubted. So the result is a list to be read beside the nearest
passage, and never a verdict.

Tested by `tests/pipeline/test_against.py`.
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
_LONGEST = 6000
_READABLE = "name a PDF with text, or a .md or .txt file"


class Said(StrEnum):
    """Whether a source says a card."""

    SAID = "said"
    PARTLY = "partly"
    NOT_SAID = "not said"


class Comparison(Value):
    """A card beside the nearest passage of its source."""

    note: ReadNote
    verdict: Said
    why: str
    """What of it the source does not say."""
    passage: str


class _Window(Value):
    """A few sentences of a text."""

    text: str
    paragraph: str
    around: str
    """The paragraph with those beside it."""
    words: frozenset[str]


class SourceText:
    """The passages of a text, found by the words of a card."""

    def __init__(self, text: str) -> None:
        """Read a text; paragraphs are separated by empty lines."""
        self.paragraphs: list[str] = []
        for paragraph in re.split(r"\n\s*\n", text):
            words = " ".join(paragraph.split())
            if words:
                self.paragraphs.append(words)
        self._windows: list[_Window] = []
        padded = ["", *self.paragraphs, ""]
        for beside in zip(padded, self.paragraphs, padded[2:], strict=False):
            paragraph = beside[1]
            spans = [paragraph[start:end].strip() for start, end in sentences(paragraph)]
            for place in range(max(1, len(spans) - _SENTENCES + 1)):
                window = " ".join(spans[place : place + _SENTENCES])
                around = " ".join(filter(None, beside))
                self._windows.append(_Window(window, paragraph, around, _stems(window)))
        holders = Counter(word for window in self._windows for word in window.words)
        total = len(self._windows)
        self._weights: dict[str, float] = {}
        for word, count in holders.items():
            self._weights[word] = math.log(1 + (total - count + 0.5) / (count + 0.5))
        self._unknown = math.log(1 + 2 * total)

    def nearest(self, fields: Texts) -> str:
        """Return the few sentences that have most of a card; "" if none have enough.

        A paragraph may be a whole page of a PDF.
        """
        for share, window in self._best(" ".join(fields.values()))[:1]:
            if share >= _NEAR:
                return window.text
        return ""

    def _best(self, text: str) -> list[tuple[float, _Window]]:
        """Return the windows with the most of a text, by the share of its weight in them."""
        asked = _stems(text)
        weight = sum(self._weights.get(word, self._unknown) for word in asked) or 1
        ranked = []
        for window in self._windows:
            shared = asked & window.words
            if shared:
                share = sum(map(self._weights.__getitem__, shared)) / weight
                ranked.append((share, window))
        ranked.sort(key=lambda entry: (-entry[0], len(entry[1].words)))
        return ranked[:_CANDIDATES]

    def compare(self, note: ReadNote) -> Comparison:
        """Return the parts of a card that this text does not say, beside its nearest passage."""
        assert note.draft is not None
        card = with_words_of_option(note.draft)
        compared = []
        for share, window in self._best(" ".join(text for _, text in card.fields)):
            highlight = Highlight(
                document=Document(DocumentKey(""), "", ""),
                namespace="",
                kind=HighlightKind.HIGHLIGHT,
                exact=window.text,
                sentence=window.paragraph[:_LONGEST],
                nearby=window.around[:_LONGEST],
            )
            drafted = replace(card, quote=window.text, origin=Origin("llm"))
            found = check.check(drafted, Context(highlight, DuplicateIndex()))
            findings = [finding for finding in found if finding.check in _OF_SOURCE]
            why = "; ".join(finding.message for finding in findings)
            verdict = Said.SAID
            if findings or share < _NEAR:
                verdict = Said.PARTLY
            if any(finding.severity is Severity.BLOCK for finding in findings):
                verdict = Said.NOT_SAID
            if share < _NEAR:
                why = why or f"only {share:.0%} of its words"
            compared.append(Comparison(note, verdict, why, window.text))
        nothing = Comparison(note, Said.NOT_SAID, "no word of it", "")
        order = list(Said).index
        return min(compared, key=lambda each: order(each.verdict), default=nothing)


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, content(plain(text))))


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
        OSError: it is not there.
    """
    from ankiforge.extract.pdf.messages import Failed, Search, Searched
    from ankiforge.extract.pdf.worker import PdfWorker, absolute

    path.open("rb").close()
    with (
        PdfWorker() as worker
    ):  # which ends if the file takes too long, or too much memory
        reply = worker.ask(Search(absolute(path)))
    if isinstance(reply, Failed):
        raise ItemError(f"{path}: {reply.what}", hint=_READABLE)
    assert isinstance(reply, Searched)
    return "\n\n".join(reply.texts)


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
