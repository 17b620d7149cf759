"""Form: what was marked may be mere emphasis or metadata, so a person looks."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import read
from ankiforge.check.lexical.words import word_count
from ankiforge.check.rule import Bound, Rule
from ankiforge.model import Draft, Family, Finding, Form, Route, Severity
from ankiforge.text.markdown import image_paths

LOOSE_TERM = Rule(
    "loose_term", Severity.WARN, "`Term: text` may be prose: no three in a row under a glossary"
)
PHRASE_GT5W = Rule(
    "phrase_gt5w", Severity.WARN, "a long mark may be mere emphasis:", Bound(5, 1, 100, "words")
)
PHRASE_OUTSIDE_VAULT = Rule(
    "phrase_outside_vault", Severity.WARN, "words marked in a document may be mere emphasis"
)
OTHER_NOTE = Rule("other_note", Severity.WARN, "another tool may have put it into Anki, as note")
LOW_CONFIDENCE = Rule("low_confidence", Severity.WARN, "a guess of the offline rules, often wrong:")
UNREADABLE_PICTURE = Rule(
    "unreadable_picture", Severity.WARN, "a picture cannot be read, and would be missing in Anki:"
)
RULES = (
    LOOSE_TERM,
    PHRASE_GT5W,
    PHRASE_OUTSIDE_VAULT,
    OTHER_NOTE,
    LOW_CONFIDENCE,
    UNREADABLE_PICTURE,
)

_GUESSES = ("rules:emphasis", "rules:isa", "rules:number")
_PHRASE_DRAFTER = "rules:phrase"


def written_as(draft: Draft, context: Context) -> Iterator[Finding]:
    """`Term: text`, which is no card as often as it is one."""
    if context.highlight.form is Form.TERM:
        yield LOOSE_TERM.found()


def phrases(draft: Draft, context: Context) -> Iterator[Finding]:
    """Marked phrases: short ones, in the reader's own notes."""
    if draft.origin.drafter != _PHRASE_DRAFTER or draft.kind.family is not Family.CLOZE:
        return
    longest = max((word_count(answer) for answer in read(draft).answers), default=0)
    yield from context.limits.counted(longest, PHRASE_GT5W)
    if context.highlight.route is not Route.VAULT and context.highlight.form is not Form.PHRASE:
        yield PHRASE_OUTSIDE_VAULT.found()


def elsewhere(draft: Draft, context: Context) -> Iterator[Finding]:
    """A passage that carries the id of a note which no look at Anki has shown."""
    if context.highlight.other_note:
        yield OTHER_NOTE.found(str(context.highlight.other_note))


def guessed(draft: Draft, context: Context) -> Iterator[Finding]:
    """Offline patterns whose cards are wrong too often to be cards unseen."""
    if draft.origin.drafter in _GUESSES:
        yield LOW_CONFIDENCE.found(draft.origin.drafter)


def pictures(draft: Draft, context: Context) -> Iterator[Finding]:
    """Each picture of a card can be read; else a person decides whether it goes without."""
    for path in image_paths("\n".join(text for _, text in draft.fields)):
        if why := context.picture_fault(path):
            yield UNREADABLE_PICTURE.found(why)


CHECKS = (written_as, phrases, elsewhere, guessed, pictures)
