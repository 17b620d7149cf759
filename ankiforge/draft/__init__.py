"""Drafters turn highlights into drafts, or give a reason why a highlight gets no card.

`rules` needs no model, no key and no network. `llm` asks any OpenAI-compatible server; `batch` and
`chat` carry the same requests as files. This module holds what all of them share: which highlights
may be drafted, which may leave this machine, and what a reader's comment asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ankiforge.model import ELSEWHERE, CardKind, Fields, Highlight, HighlightKind, Route


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
