"""Check drafts, and choose their decks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from ankiforge.config.deckfiles import deck_of
from ankiforge.draft import without_comment
from ankiforge.ledger import Ledger, recording
from ankiforge.ledger.drafts import leads_elsewhere
from ankiforge.ledger.duplicates import Duplicates
from ankiforge.model import (
    Draft,
    Highlight,
    Severity,
    Strings,
)
from ankiforge.pipeline.job import Job


class Checks:
    """Checks drafts and gives them decks."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        """Prepare the index of cards and drafts, which reads nothing before the first draft."""
        from ankiforge.check import DuplicateIndex

        self.job = job
        self.ledger = ledger
        self.known = DuplicateIndex(Duplicates(ledger))

    def checked(self, highlight: Highlight, drafts: Sequence[Draft]) -> list[Draft]:
        """Return the drafts of a highlight with findings and deck.

        What is a card already is not checked: nobody is asked about it.
        """
        from ankiforge import check
        from ankiforge.draft.propose.grammar import is_clause, is_term
        from ankiforge.pipeline.pictures import picture_fault

        passage = without_comment(highlight)
        pictures = self.job.pictures
        deck = deck_of(self.job.decks, highlight, self.job.deck).deck
        checked = []
        standing = recording.standing(self.ledger, highlight.key, drafts)
        for number, (draft, stands) in enumerate(zip(drafts, standing, strict=True)):
            if stands:
                checked.append(replace(draft, deck=deck))
                continue
            context = check.Context(
                passage,
                self.known,
                lambda path: picture_fault(self.ledger, highlight, path, pictures),
                partial(is_clause, passage),
                partial(is_term, passage),
                partial(leads_elsewhere, self.ledger, highlight),
            )
            findings = check.check(draft, context)
            id = f"{highlight.key} {number}"
            self.known.add(id, highlight.key, draft)
            checked.append(replace(draft, findings=findings, deck=deck))
        return checked


def faults_of_gap(draft: Draft, highlight: Highlight) -> Strings:
    """Return the findings that block a draft with one of several gaps of a sentence, as text."""
    from ankiforge.check import check_alone

    blocking = []
    for finding in check_alone(draft, highlight):
        if finding.severity is Severity.BLOCK:
            blocking.append(finding.message)
    return tuple(blocking)
