"""A workspace as an agent may see it: everything except private text."""

from __future__ import annotations

from typing import Any

from ankiforge.draft.prompt import most_cards
from ankiforge.draft.sendable import Privacy, Sendable
from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger, Match, cards
from ankiforge.model import Card, DocumentKey, Highlight, HighlightKey, Json, Severity
from ankiforge.pipeline.draft import privacy_of
from ankiforge.text import shortened

MOST_OF_A_WORK = 10
"""The maximum number of highlights, and of cards, of a work that a search shows."""
MARK_CHARACTERS = 500
"""The length to which the highlights of a work are shortened."""
_CODES = frozenset(
    ("card", "highlight", "kind", "state", "drafter", "rule", "severity", "hits", "at")
)
"""The keys of an entry whose values are ids or names of the program."""
_PRIVATE = "this passage must stay on this machine (#no-llm)"


class AgentView:
    """A workspace as an agent may see it, at one moment."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.privacy: Privacy = privacy_of(ledger)

    def passage(self, highlight: Highlight) -> Sendable:
        """Return a highlight as an agent may see it.

        Raises:
            UsageError: it must stay on this machine.
        """
        if self.privacy.why(highlight):
            raise UsageError(_PRIVATE)
        return self.privacy.passage(highlight)

    def hides(self, key: HighlightKey) -> bool:
        """Return whether a passage is private at one of its places."""
        return any(self.privacy.why(place) for place in cards.places(self._ledger, key))

    def hides_line(self, line: Card) -> bool:
        """Return whether a line is of a private passage, or contains private text."""
        if self.privacy.why(line.highlight):
            return True
        words = [text for _, text in line.fields]
        words.append(line.quote)
        return self.privacy.hides("\n".join(words), line.highlight.document.key)

    def line(self, line: Card, why: str) -> Json:
        """Return a card or draft; `why` is the reason why it needs work, if it does."""
        shown = self.privacy.passage(line.highlight)
        origin = line.origin
        entry: Json = {
            "card": line.id,
            "highlight": shown.key,
            "title": shown.title,
            "kind": line.kind.value,
            "fields": dict(line.fields),
            "quote": line.quote,
            "state": line.state,
            "drafter": " ".join(filter(None, (origin.drafter, origin.model))),
            "findings": [],
        }
        if line.waits:
            entry |= findings_entry(line)
        if why:
            entry["why"] = why
        return self.entry(entry, line.highlight)

    def work(self, match: Match) -> Json | None:
        """Return the public part of a work that was found, or None.

        If only private text contains the words that were searched, showing the work would
        give that away.
        """
        marks = [mark for mark in match.highlights if not self.privacy.why(mark)]
        lines = [line for line in match.lines if not self.hides_line(line)]
        if not marks and not lines:
            return None
        public_count = len(marks) + len(lines)
        is_all_public = public_count == len(match.highlights) + len(match.lines)
        if match.by == "words" and not is_all_public:
            public_ids: set[str] = {mark.key for mark in marks}
            public_ids.update(line.id for line in lines)
            if match.matched.isdisjoint(public_ids):
                return None

        highlights = {}
        for mark in marks[:MOST_OF_A_WORK]:
            highlights[mark.key] = shortened(mark.exact, MARK_CHARACTERS)
        cards = {}
        for line in lines[:MOST_OF_A_WORK]:
            cards[line.id] = dict(line.fields)
        shown = {*highlights, *cards}
        any_highlight = marks[0] if marks else lines[0].highlight
        document = any_highlight.document
        entry = {
            "title": document.title,
            "by": [*document.creators, document.issued],
            "highlights": highlights,
            "cards": cards,
            "hits": sorted(match.matched & shown),
            "not_shown": public_count - len(shown),
        }
        return self.entry(entry, any_highlight)

    def entry(self, entry: Json, beside: Highlight | None = None) -> Json:
        """Return an entry without private text, as that of the document of a highlight.

        Findings, reasons, titles and headings may repeat it.
        """
        masked: Json = self._masked(entry, beside.document.key if beside else None)
        return masked

    def _masked(self, part: Any, document: DocumentKey | None) -> Any:
        """Return a part of an entry without private text."""
        if isinstance(part, str):
            return self.privacy.text(part, document)
        if isinstance(part, list):
            return [self._masked(value, document) for value in part]
        if isinstance(part, dict):
            masked = {}
            for name, value in part.items():
                masked[name] = value if name in _CODES else self._masked(value, document)
            return masked
        return part


# --- entries ----------------------------------------------------------------------------


def highlight_entry(shown: Sendable, wants: str = "") -> Json:
    """Return a highlight for an agent, without empty values."""
    most = most_cards(shown.marked)
    entry = {
        "highlight": shown.key,
        "title": shown.title,
        "heading": shown.heading,
        "page": shown.page,
        "marked": shown.marked,
        "sentence": shown.sentence if shown.sentence != shown.marked else "",
        "phrases": list(shown.phrases),
        "comment": shown.comment,
        "colour": shown.colour,
        "wanted": wants,
        "cards": most if most > 1 else None,
    }
    return {name: value for name, value in entry.items() if value}


def findings_entry(draft: Card) -> Json:
    """Return the findings of the checks, and whether one blocks."""
    findings = []
    for finding in draft.findings:
        if finding.severity is not Severity.INFO:
            findings.append(
                {
                    "rule": finding.check,
                    "severity": finding.severity.value,
                    "message": finding.message,
                }
            )
    entry: Json = {"findings": findings}
    if draft.blocked:
        entry["blocked"] = True
    return entry
