"""What the rules have drawn, fitted to what the deck file asks for: its kinds, its colours.

A card a person wrote, or asked for in a comment, is theirs and stays. The rest is left out where
it is not wanted, with the reason; only where the words allow but one question is it turned.
"""

from __future__ import annotations

import re
from dataclasses import replace

from ankiforge.draft.shapes import sided
from ankiforge.model import Brief, CardKind, Draft
from ankiforge.text.markdown import literal

_QUESTIONS = (CardKind.BASIC, CardKind.TWO_WAY)
_NO_DEFINITION = frozenset({"rules:number"})


def fitted(drafts: tuple[Draft, ...], brief: Brief) -> tuple[Draft, ...] | str:
    """The drafts that are wanted, turned where that is certain; the reason if none is left."""
    made = (_turned(draft, brief) for draft in drafts)
    kept = tuple(draft for draft in made if _wanted(draft, brief))
    return kept or _why_not(brief)


def _wanted(draft: Draft, brief: Brief) -> bool:
    if draft.by_hand or draft.origin.drafter.startswith("rules:comment"):
        return True
    if brief.wants == "definition" and draft.origin.drafter in _NO_DEFINITION:
        return False
    return _takes(draft.kind, brief)


def _takes(kind: CardKind, brief: Brief) -> bool:
    asked = brief.wants != "question" or kind in _QUESTIONS
    return asked and (not brief.kinds or kind in brief.kinds)


def _why_not(brief: Brief) -> str:
    if brief.wants == "question" and (not brief.kinds or {*brief.kinds} & {*_QUESTIONS}):
        return "its colour asks for a question: write it as the comment: `? …`"
    if brief.kinds:
        return f"its deck takes only {' and '.join(brief.kinds)} cards"
    return "its colour asks for a definition, and this is none"


# --- a sentence as a question ---------------------------------------------------------------

_IS_CALLED = re.compile(
    r"""(?P<article>The|An?)\s(?P<what>[^,;:()]+?)\s(?P<be>is|are)
    \s(?P<verb>(?:[a-z]+\s){0,2}(?:called|known\sas|referred\sto\sas|termed))\s(?:the\s|an?\s)?""",
    re.VERBOSE,
)
_CLAUSE = re.compile(
    r"(?<!that\s)(?<!which\s)(?<!who\s)\b(?:is|are|was|were|has|have|had|can|may|will|do|does)\b"
    r"|\b(?:and|or|that|which|who|but|[a-z]+ly)$"
)
"""There is a second statement before "is called": no single question asks for it."""


def _turned(draft: Draft, brief: Brief) -> Draft:
    """A bend in a river is called a meander: what is a bend in a river called?"""
    if draft.origin.drafter != "rules:term" or _takes(draft.kind, brief):
        return draft
    if not _takes(CardKind.BASIC, brief):
        return draft
    before, term, after = draft.quote.rpartition(draft.answer)
    found = _IS_CALLED.fullmatch(before)
    if found is None or not term or after != "." or _CLAUSE.search(found["what"]):
        return draft
    front = f"What {found['be']} {found['article'].lower()} {found['what']} {found['verb']}?"
    fields = sided(CardKind.BASIC, literal(front), literal(draft.answer))
    return replace(draft, kind=CardKind.BASIC, fields=fields)
