"""Drafters: each turns highlights into drafts, or says why a highlight yields none.

`rules` needs no model, no key and no network. `llm` asks any OpenAI-compatible server and
remembers each reply before it reads it; `exchange` carries the same requests as files. What
both must agree on stands here: which highlights are set aside, and what a comment asks for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ankiforge.model import ELSEWHERE, Highlight, HighlightKind, Route


class Replies(Protocol):
    """Remembers raw replies by the hash of their request; the ledger is one. Thread-safe."""

    def get(self, request: str) -> str | None:
        """The raw reply to a request, None if there was none."""
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
        """Keep a reply, in place of an older one; on return it survives a crash."""
        ...


# --- what a comment asks for ----------------------------------------------------------------


class Wish(StrEnum):
    """What the reader wants of a passage."""

    NONE = "none"
    SKIP = "skip"
    QUESTION = "question"
    CLOZE = "cloze"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A comment, understood."""

    wish: Wish
    words: str = ""
    """The question to ask, the phrase to hide ("" = the marked words), or why to skip."""


NO_LLM = "no-llm"
"""The tag that keeps a passage on this machine."""
_NO_LLM = re.compile(rf"(?<![\w#])#{NO_LLM}\b(?!-)", re.IGNORECASE)
_REPLIES = re.compile(r"^— .*", re.MULTILINE | re.DOTALL)
_SKIP = re.compile(r"skip\s*[.!]?|skip:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL)
_ASKED = re.compile(r"(?:\?|q:)\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL)
_CLOZE = re.compile(r"c:\s*(?P<words>.*)", re.IGNORECASE | re.DOTALL)


def instruction(comment: str) -> Instruction:
    """What a comment asks for: `skip`, `? question`, `q: question`, `c: phrase`, or `…?`.

    A comment that merely ends in a question mark counts if it could stand on a card: "why?"
    does not. Replies, which follow it in lines that begin with a dash, ask for nothing.
    """
    words = " ".join(_NO_LLM.sub(" ", _REPLIES.sub("", comment)).split())
    if skip := _SKIP.fullmatch(words):
        return Instruction(Wish.SKIP, skip["words"] or "")
    if asked := _ASKED.fullmatch(words):
        question = asked["words"].strip()
        return Instruction(Wish.QUESTION if question.strip("? ") else Wish.NONE, question)
    if cloze := _CLOZE.fullmatch(words):
        return Instruction(Wish.CLOZE, cloze["words"].strip())
    if words.endswith(("?", "？")) and _can_stand(words):
        return Instruction(Wish.QUESTION, words)
    return Instruction(Wish.NONE, words)


def _can_stand(question: str) -> bool:
    """Three words at least, or six signs of a script that puts no blanks between words."""
    return len(question.split()) >= 3 or (len(question) > 6 and not question.isascii())


def asked(highlight: Highlight) -> Instruction:
    """What this highlight's comment asks for; nothing if the comment is not the reader's."""
    return instruction(highlight.comment if highlight.instructs else "")


GUESSES = frozenset({"rules:emphasis", "rules:isa", "rules:number"})
"""Drafters of which no card is let through unseen; `check.form` warns of them."""


# --- which highlights are set aside ---------------------------------------------------------


def set_aside(highlight: Highlight) -> str:
    """Why this highlight is not to be drafted by anyone; "" if it may be."""
    wish = asked(highlight)
    if highlight.skip or wish.wish is Wish.SKIP:
        why = highlight.skip or wish.words or "the comment says so"
        return why if why.startswith(("skip", ELSEWHERE)) else f"skip: {why}"
    if highlight.kind is HighlightKind.NOTE and not highlight.markdown:
        return "a remark, not a passage"  # a note with a text of its own has it as Markdown
    if highlight.kind in _PICTURES:
        return _without_card(highlight)
    if highlight.kind is HighlightKind.STRIKE and wish.wish not in (Wish.QUESTION, Wish.CLOZE):
        return "struck out, which means deleted: to be asked it all the same, comment it `? …`"
    if not any(letter.isalnum() for letter in highlight.exact):
        return "no text under the mark"
    return ""


_PICTURES = {HighlightKind.IMAGE: "an image", HighlightKind.INK: "a drawing"}


def _without_card(picture: Highlight) -> str:
    if asked(picture).wish is not Wish.QUESTION:
        return f"{_PICTURES[picture.kind]}: write its question as the comment: `? …`"
    if picture.markdown:
        return ""
    if picture.route is Route.ZOTERO:
        return "its picture is not in Zotero's cache: open the PDF in Zotero once"
    return "there is no picture of it: nothing is to be seen at its place, or it cannot be drawn"


def for_rules(highlight: Highlight) -> bool:
    """Whether the rules draw it, whatever the drafter: a card by hand, a figure with a question."""
    figure = highlight.kind in _PICTURES and not set_aside(highlight)
    return figure or highlight.kind is HighlightKind.CARD


def private(highlight: Highlight) -> str:
    """Why a highlight must not leave this machine; "" if it may.

    `#no-llm` in its comment (anybody's) or tags keeps it, in its document's tags all of that:
    the text around a passage travels with its neighbours, so half a note cannot be kept.
    """
    if _NO_LLM.search(highlight.comment) or _tagged(highlight.tags):
        return "kept on this machine (#no-llm)"
    return "kept on this machine (#no-llm in its note)" if _tagged(highlight.document.tags) else ""


def _tagged(tags: tuple[str, ...]) -> bool:
    return any(tag.lstrip("#").casefold() == NO_LLM for tag in tags)
