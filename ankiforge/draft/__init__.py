"""Drafters turn highlights into drafts, or give the reason why a highlight gets no card.

`rules` needs no model, key or network. `llm` asks any OpenAI-compatible server; `chat`
exchanges the same requests as texts to paste. This module contains what they share: which highlights may be
drafted, which may be sent to a server, and what a reader's comment asks for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from ankiforge.errors import BugError
from ankiforge.model import (
    ELSEWHERE,
    CardKind,
    Drafted,
    Fields,
    Highlight,
    HighlightKind,
    Problem,
    Route,
    Span,
    Task,
)

Item = TypeVar("Item")


class Replies(Protocol):
    """A cache of raw replies by the hash of their request (the ledger is one). Thread-safe."""

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request; None if there is none."""
        ...

    def put(
        self,
        request: str,
        raw: str,
        *,
        model: str,
        prompt: str,
        tokens_in: int,
        tokens_out: int,
    ) -> None:
        """Store a reply durably, replacing an older one."""
        ...


class Rules:
    """The offline drafter, which always gives the same drafts for the same highlights.

    Its patterns are compiled for the first task: most runs have none.
    """

    def draft(self, tasks: Iterable[Task]) -> Iterator[Drafted]:
        """Yield one result per task, in order."""
        for task in tasks:
            from ankiforge.draft.rules import drafted

            yield drafted(task)


def failed_on(highlight: Highlight, error: BugError) -> Problem:
    """Return the problem of a passage that could not be drafted or checked."""
    words = " ".join((highlight.exact or highlight.comment).split())[:60]
    return Problem(highlight.document.title, f"“{words}”: {error.message}", error.hint)


def sided(kind: CardKind, front: str, back: str) -> Fields:
    """Return the fields of a card with a front and a back."""
    reverse = (("Reverse", "y"),) if kind is CardKind.TWO_WAY else ()
    return (("Front", front), ("Back", back), *reverse)


# --- instructions in comments ---------------------------------------------------------------


class Wish(StrEnum):
    """What the reader's comment asks for."""

    NONE = "none"
    SKIP = "skip"
    QUESTION = "question"
    CLOZE = "cloze"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A parsed comment."""

    wish: Wish
    words: str = ""
    """The question to ask, the phrase to hide ("" = the marked words), or the reason to skip."""


NO_LLM = "no-llm"
"""The tag of passages that must stay on this machine."""
_NO_LLM = re.compile(rf"(?<![\w#])#{NO_LLM}\b(?!-)", re.IGNORECASE)
_REPLIES = re.compile(r"^— .*", re.MULTILINE | re.DOTALL)
_COMMANDS = {
    Wish.SKIP: re.compile(r"skip\s*[.!]?|skip:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
    Wish.QUESTION: re.compile(r"(?:\?|q:)\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
    Wish.CLOZE: re.compile(r"c:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
}


def instruction(comment: str) -> Instruction:
    """Parse a comment: `skip`, `? question`, `q: question`, `c: phrase`, or `…?`.

    Other comments that end in a question mark count if they could be the front of a card; "why?"
    could not. Replies to the comment, in lines that begin with a dash, are ignored.
    """
    words = " ".join(_NO_LLM.sub(" ", _REPLIES.sub("", comment)).split())
    for wish, command in _COMMANDS.items():
        if found := command.fullmatch(words):
            rest = (found["words"] or "").strip()
            empty = wish is Wish.QUESTION and not rest.strip("? ")
            return Instruction(Wish.NONE if empty else wish, rest)
    # at least three words, or six letters of a script that does not separate words
    long = len(words.split()) >= 3 or (len(words) > 6 and not words.isascii())
    asks = words.endswith(("?", "？")) and long
    return Instruction(Wish.QUESTION if asks else Wish.NONE, words)


def requested(highlight: Highlight) -> Instruction:
    """Return what a highlight's comment asks for; nothing if somebody else wrote the comment."""
    return instruction(highlight.comment if highlight.instructs else "")


def asks(highlight: Highlight) -> bool:
    """Return whether the reader's comment asks something."""
    return highlight.instructs and "?" in _REPLIES.sub("", highlight.comment)


BEYOND = "your question goes beyond the passage"
"""The start of the reason why a reader's question got no card."""

# --- which highlights are drafted, and by whom ----------------------------------------------

_PICTURES = {HighlightKind.IMAGE: "an image", HighlightKind.INK: "a drawing"}


def skip_reason(highlight: Highlight) -> str:
    """Return why no drafter drafts a highlight; "" if one may."""
    wish = requested(highlight)
    if highlight.skip or wish.wish is Wish.SKIP:
        why = highlight.skip or wish.words or "your comment says so"
        return why if why.startswith(("skip", ELSEWHERE)) else f"skip: {why}"
    if highlight.kind is HighlightKind.NOTE and not highlight.markdown:
        return "a remark, not a passage"  # a note that is a text of its own has Markdown
    if highlight.kind in _PICTURES:
        if wish.wish is not Wish.QUESTION:
            return f"{_PICTURES[highlight.kind]}: write its question as the comment: `? …`"
        if highlight.markdown:
            return ""
        if highlight.route is Route.ZOTERO:
            return "its picture is not in Zotero's cache: open the PDF in Zotero once"
        return "it has no picture: its place on the page is empty, or cannot be drawn"
    if highlight.kind is HighlightKind.STRIKE and wish.wish not in (Wish.QUESTION, Wish.CLOZE):
        return "struck out, so treated as deleted; for a card, add a comment that begins with `?`"
    if not any(letter.isalnum() for letter in highlight.exact):
        return "no text under the mark"
    return ""


class Marked(Protocol):
    """The properties on which the rank of a highlight depends."""

    @property
    def exact(self) -> str:
        """Return its text; for marked phrases, their whole sentence."""

    @property
    def kind(self) -> str:
        """Return its kind, a value of `HighlightKind`."""

    @property
    def gaps(self) -> tuple[Span, ...]:
        """Return the positions of the marked phrases in its text."""

    @property
    def comment(self) -> str:
        """Return the comment."""

    @property
    def instructs(self) -> bool:
        """Return whether the reader wrote the comment."""


SHORT_WORDS, SHORT_LETTERS = 5, 40
"""The maximum length of a short mark, in words and in characters."""
IN_A_ROW = 3
"""The maximum number of highlights in a row from one document, while others are left."""


def worth(highlight: Marked, wants: str = "") -> int:
    """Rank a highlight by how likely it deserves a card, from 0 (most likely) to 4 (no words).

    Cards and comments of the reader come first, then short marks, then marks in a colour with a
    meaning.

    Args:
        highlight: a highlight.
        wants: what its colour asks for according to the deck file.
    """
    if highlight.kind == HighlightKind.CARD or (highlight.instructs and highlight.comment.strip()):
        return 0
    if not any(letter.isalnum() for letter in highlight.exact):
        return 4
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps] or [highlight.exact]
    if all(len(one.split()) <= SHORT_WORDS and len(one) <= SHORT_LETTERS for one in phrases):
        return 1
    return 2 if wants in ("definition", "question") else 3


def likeliest(ranked: Iterable[tuple[int, str, Item]]) -> Iterator[Item]:
    """Yield items by rank, at most three in a row from one document while others are left.

    Args:
        ranked: (rank, document, item) in reading order.
    """
    waiting = deque(sorted(ranked, key=lambda one: one[0]))
    held: deque[tuple[int, str, Item]] = deque()  # passed over, all from the document `last`
    last, run = "", 0
    while waiting or held:
        while run == IN_A_ROW and waiting and waiting[0][1] == last:
            held.append(waiting.popleft())
        blocked = run == IN_A_ROW and held and held[0][1] == last
        _, document, item = (held if held and not (blocked and waiting) else waiting).popleft()
        run = run + 1 if document == last else 1
        last = document
        yield item


def for_rules(highlight: Highlight) -> bool:
    """Return whether only the rules draft a highlight: a handwritten card, or a picture with a question."""
    figure = highlight.kind in _PICTURES and not skip_reason(highlight)
    return figure or highlight.kind is HighlightKind.CARD


def private(highlight: Highlight) -> str:
    """Return why a highlight must not leave this machine; "" if it may.

    `#no-llm` in its tags, or in anybody's comment on it, holds for the highlight. In the tags of the
    document it holds for the whole document, because requests contain the text around a passage.
    """
    if _NO_LLM.search(highlight.comment) or _tagged(highlight.tags):
        return "kept on this machine (#no-llm)"
    return "kept on this machine (#no-llm in its note)" if _tagged(highlight.document.tags) else ""


def _tagged(tags: tuple[str, ...]) -> bool:
    return any(tag.lstrip("#").casefold() == NO_LLM for tag in tags)


def withheld(highlight: Highlight) -> str:
    """Return why a highlight must not be sent to a model; "" if it may be."""
    if reason := skip_reason(highlight) or private(highlight):
        return reason
    if highlight.kind is HighlightKind.CARD:
        return "a hand-written card is not drafted again"
    return "a picture is not shown to a model" if for_rules(highlight) else ""
