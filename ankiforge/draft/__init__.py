"""Drafters turn highlights into drafts, or give a reason why a highlight gets no card.

`rules` needs no model, no key and no network. `llm` asks any OpenAI-compatible server; `batch` and
`chat` carry the same requests as files. This module holds what all of them share: which highlights
may be drafted, which may leave this machine, and what a reader's comment asks for.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from heapq import heapify, heappop, heappush, heapreplace
from typing import Protocol, TypeVar

from ankiforge.model import ELSEWHERE, CardKind, Fields, Highlight, HighlightKind, Route, Span

Item = TypeVar("Item")


class Replies(Protocol):
    """A cache of raw replies by the hash of their request (the ledger is one). Thread-safe."""

    def get(self, request: str) -> str | None:
        """Return the raw reply to a request, None if there was none."""
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
        """Store a reply, replacing an older one; on return it survives a crash."""
        ...


def sided(kind: CardKind, front: str, back: str) -> Fields:
    """Return the content fields of a card with two sides."""
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
    """The question to ask, the phrase to hide ("" = the marked words), or why to skip."""


NO_LLM = "no-llm"
"""The tag that keeps a passage on this machine."""
_NO_LLM = re.compile(rf"(?<![\w#])#{NO_LLM}\b(?!-)", re.IGNORECASE)
_REPLIES = re.compile(r"^— .*", re.MULTILINE | re.DOTALL)
_COMMANDS = {
    Wish.SKIP: re.compile(r"skip\s*[.!]?|skip:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
    Wish.QUESTION: re.compile(r"(?:\?|q:)\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
    Wish.CLOZE: re.compile(r"c:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL),
}


def instruction(comment: str) -> Instruction:
    """Parse a comment: `skip`, `? question`, `q: question`, `c: phrase`, or `…?`.

    A comment that only ends in a question mark counts if it could stand on a card: "why?" does
    not. Replies to the comment, in lines that begin with a dash, are ignored.
    """
    words = " ".join(_NO_LLM.sub(" ", _REPLIES.sub("", comment)).split())
    for wish, command in _COMMANDS.items():
        if found := command.fullmatch(words):
            rest = (found["words"] or "").strip()
            empty = wish is Wish.QUESTION and not rest.strip("? ")
            return Instruction(Wish.NONE if empty else wish, rest)
    # three words at least, or six letters of a script without blanks between words
    long = len(words.split()) >= 3 or (len(words) > 6 and not words.isascii())
    asks = words.endswith(("?", "？")) and long
    return Instruction(Wish.QUESTION if asks else Wish.NONE, words)


def requested(highlight: Highlight) -> Instruction:
    """Return what this highlight's comment asks for; nothing if a stranger wrote the comment."""
    return instruction(highlight.comment if highlight.instructs else "")


def asks(highlight: Highlight) -> bool:
    """Return whether the reader's comment asks something."""
    return highlight.instructs and "?" in _REPLIES.sub("", highlight.comment)


BEYOND = "your question goes beyond the passage"
"""Why a reader's question got no card."""

# --- which highlights are drafted, and by whom ----------------------------------------------

_PICTURES = {HighlightKind.IMAGE: "an image", HighlightKind.INK: "a drawing"}


def skip_reason(highlight: Highlight) -> str:
    """Return why this highlight is not drafted by anyone; "" if it may be."""
    wish = requested(highlight)
    if highlight.skip or wish.wish is Wish.SKIP:
        why = highlight.skip or wish.words or "the comment says so"
        return why if why.startswith(("skip", ELSEWHERE)) else f"skip: {why}"
    if highlight.kind is HighlightKind.NOTE and not highlight.markdown:
        return "a remark, not a passage"  # a note with a text of its own has it as Markdown
    if highlight.kind in _PICTURES:
        if wish.wish is not Wish.QUESTION:
            return f"{_PICTURES[highlight.kind]}: write its question as the comment: `? …`"
        if highlight.markdown:
            return ""
        if highlight.route is Route.ZOTERO:
            return "its picture is not in Zotero's cache: open the PDF in Zotero once"
        return (
            "there is no picture of it: nothing is to be seen at its place, or it cannot be drawn"
        )
    if highlight.kind is HighlightKind.STRIKE and wish.wish not in (Wish.QUESTION, Wish.CLOZE):
        return "struck out, which means deleted: to be asked it all the same, comment it `? …`"
    if not any(letter.isalnum() for letter in highlight.exact):
        return "no text under the mark"
    return ""


class Marked(Protocol):
    """What the worth of a highlight depends on."""

    @property
    def exact(self) -> str:
        """Return its words; of marked phrases, their whole sentence."""

    @property
    def kind(self) -> str:
        """Return what was marked, as in `HighlightKind`."""

    @property
    def gaps(self) -> tuple[Span, ...]:
        """Return where the marked phrases stand in them."""

    @property
    def comment(self) -> str:
        """Return the comment on them."""

    @property
    def instructs(self) -> bool:
        """Return whether the reader wrote the comment."""


SHORT_WORDS, SHORT_LETTERS = 5, 40
"""A short mark has no more of either."""
IN_A_ROW = 3
"""Highlights of one document in a row, while there are others."""


def worth(highlight: Marked, wants: str = "") -> int:
    """Rank a highlight by how likely it is to be worth a card: 0 is the likeliest, 4 has no words.

    First what the reader wrote as a card, asked or commented, then short marks, then colours that ask for something.

    Args:
        highlight: a highlight.
        wants: what the deck file says that its colour asks for.
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
    """Yield items by rank, never more than three in a row from one document while others are left.

    Args:
        ranked: the worth, the document and the item, in reading order.
    """
    queues: dict[str, deque[tuple[int, int, Item]]] = {}
    for at, (rank, document, item) in sorted(enumerate(ranked), key=lambda one: one[1][0]):
        queues.setdefault(document, deque()).append((rank, at, item))
    heads = [(*queue[0][:2], document) for document, queue in queues.items()]
    heapify(heads)
    last, run = "", 0
    while heads:
        head = heappop(heads)
        if head[2] == last and run == IN_A_ROW and heads:
            head = heapreplace(heads, head)
        document = head[2]
        last, run = document, run + 1 if document == last else 1
        queue = queues[document]
        yield queue.popleft()[2]
        if queue:
            heappush(heads, (*queue[0][:2], document))


def for_rules(highlight: Highlight) -> bool:
    """Return whether only the rules draft a highlight: a hand-written card, or a figure with a question."""
    figure = highlight.kind in _PICTURES and not skip_reason(highlight)
    return figure or highlight.kind is HighlightKind.CARD


def private(highlight: Highlight) -> str:
    """Return why a highlight must not leave this machine; "" if it may.

    `#no-llm` in its comment (anybody's) or tags keeps it here; in its document's tags it keeps the
    whole document: text around a passage is sent with its neighbours.
    """
    if _NO_LLM.search(highlight.comment) or _tagged(highlight.tags):
        return "kept on this machine (#no-llm)"
    return "kept on this machine (#no-llm in its note)" if _tagged(highlight.document.tags) else ""


def _tagged(tags: tuple[str, ...]) -> bool:
    return any(tag.lstrip("#").casefold() == NO_LLM for tag in tags)


def withheld(highlight: Highlight) -> str:
    """Return why a highlight is never sent to a model; "" if it may be."""
    if reason := skip_reason(highlight) or private(highlight):
        return reason
    if highlight.kind is HighlightKind.CARD:
        return "a hand-written card is not drafted again"
    return "a picture is not shown to a model" if for_rules(highlight) else ""
