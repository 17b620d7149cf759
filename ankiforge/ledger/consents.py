"""A person's decisions on the forms in which cards are written in a source, such as `a ::: b`.

A decision is an event whose subject is the source. It holds until it is undone or another one about the same form
follows. Consent lets the policy accept later cards of the form; a form that is not wanted gets no cards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import msgspec

from ankiforge.ledger.cards import Cards
from ankiforge.ledger.conditions import CLEAN, CURRENT
from ankiforge.ledger.db import Connection
from ankiforge.ledger.decisions import Decisions
from ankiforge.ledger.events import CONSENT, PERSON, POLICY, SOURCE, Event
from ankiforge.ledger.journal import Writer
from ankiforge.model import (
    AcceptedBy,
    Draft,
    Finding,
    Guid,
    Highlight,
    Severity,
    Standing,
    Verdict,
)

LEFT_OUT = "cards of this form are not selected"
"""Why a highlight has no card, and why its card was retired, if a person does not want its form."""
DOUBTS = frozenset(("inline_field", "loose_term"))
"""The checks that doubt whether a form means a card; consent answers them."""


class Choice(StrEnum):
    """A person's decision on a form."""

    ACCEPT = "accept"
    """Accept its cards, including later ones."""
    EACH = "each"
    """Decide on each card."""
    NEVER = "never"
    """Make no cards of it."""


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """A form in which cards are written in one source."""

    source: str
    written: str
    """As in `Highlight.written`."""
    waiting: tuple[Guid, ...] = ()
    """Its cards that wait for consent, in reading order."""
    choice: Choice | None = None
    """None = nothing was decided yet."""
    event: str = ""
    """The id of the event by which it was decided."""

    @property
    def said(self) -> str:
        """What was decided, in words."""
        return {
            Choice.ACCEPT: "accepted from now on",
            Choice.EACH: "you decide on each",
            Choice.NEVER: "no cards of it",
            None: "not decided yet",
        }[self.choice]

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` shows it."""
        return {
            "source": self.source, "form": self.written, "waiting": len(self.waiting),
            "choice": self.choice or "", "event": self.event,
        }  # fmt: skip


@dataclass(eq=False)
class Consents:
    """Reads and records the decisions on forms."""

    _db: Connection
    _writer: Writer
    _decisions: Decisions
    _cards: Cards

    # --- reading ----------------------------------------------------------------------------

    def decided(self) -> dict[tuple[str, str], WrittenForm]:
        """Return the forms that a person decided on, by source and form."""
        rows = self._db.execute(
            "SELECT id, subject, body FROM event WHERE what = 'consent' AND NOT undone ORDER BY rank"
        ).fetchall()
        found = {}
        for row in rows:
            body = msgspec.json.decode(row["body"])
            form = WrittenForm(
                row["subject"], body["written"], choice=Choice(body["choice"]), event=row["id"]
            )
            found[form.source, form.written] = form
        return found

    def of(self, highlight: Highlight) -> WrittenForm | None:
        """Return the form of a highlight, if a person decided on it."""
        if not highlight.written:
            return None
        return self.decided().get((highlight.document.source, highlight.written))

    def sources_of(self, written: str) -> list[str]:
        """Return the sources with a present highlight of this form."""
        rows = self._db.execute(
            "SELECT DISTINCT json_extract(d.body, '$.source') AS source FROM highlight h"
            " JOIN document d ON d.key = h.document WHERE h.presence = 'present'"
            " AND json_extract(h.body, '$.written') = ? ORDER BY source",
            (written,),
        ).fetchall()
        return [row["source"] for row in rows]

    def accepts(self, highlight: Highlight, draft: Draft, findings: Iterable[Finding]) -> str:
        """Return the id of the event that lets the policy accept a draft; "" if none does."""
        form = self.of(highlight) if draft.by_hand else None
        if form is None or form.choice is not Choice.ACCEPT:
            return ""
        doubts = {one.check for one in findings if one.severity is not Severity.INFO}
        blocked = any(one.severity is Severity.BLOCK for one in findings)
        return form.event if doubts <= DOUBTS and not blocked else ""

    def forms(self, *, clean_too: bool) -> list[WrittenForm]:
        """Return the forms with cards that wait, in reading order, and those decided on before.

        Args:
            clean_too: whether cards without findings wait, because the policy accepts none.
        """
        decided = self.decided()
        found = [
            replace(one, choice=before.choice, event=before.event)
            if (before := decided.pop((one.source, one.written), None))
            else one
            for one in self._waiting(clean_too=clean_too)
        ]
        return [*found, *decided.values()]

    def _waiting(self, *, clean_too: bool) -> list[WrittenForm]:
        """Return the forms with cards that may be accepted together, in reading order."""
        doubts = ", ".join(map(repr, sorted(DOUBTS)))
        doubted = f"json_extract(f.body, '$.check') IN ({doubts})"
        clean = CLEAN.replace("<> 'info'", f"<> 'info' AND NOT ({doubted})")
        rows = self._db.execute(
            "SELECT c.guid, json_extract(d.body, '$.source') AS source,"
            " json_extract(h.body, '$.written') AS written"
            " FROM highlight h INDEXED BY highlight_written CROSS JOIN card c ON c.key = h.key"
            " JOIN document d ON d.key = h.document WHERE json_extract(h.body, '$.written') <> ''"
            " AND c.verdict = 'pending' AND c.waits = '' AND NOT c.edited AND NOT c.blocked"
            f" AND {clean} AND (:clean_too OR EXISTS (SELECT 1 FROM finding f"
            f"  WHERE f.guid = c.guid AND {doubted} AND {CURRENT}))"
            " ORDER BY h.container, h.place, h.position, c.family, c.slot",
            {"clean_too": clean_too},
        ).fetchall()
        found: dict[tuple[str, str], list[Guid]] = {}
        for row in rows:
            found.setdefault((row["source"], row["written"]), []).append(Guid(row["guid"]))
        return [
            WrittenForm(source, written, tuple(guids)) for (source, written), guids in found.items()
        ]

    # --- recording --------------------------------------------------------------------------

    def record(self, form: WrittenForm, choice: Choice, action: str) -> None:
        """Record a decision within a unit. The cards of a form that is not wanted are retired."""
        body: dict[str, Any] = {"written": form.written, "choice": choice.value}
        if choice is Choice.ACCEPT:
            body["cards"] = list(form.waiting)
        event = self._writer.decide(CONSENT, form.source, body, by=PERSON, action=action)
        if choice is Choice.NEVER:
            self._leave_out(form, event.id, action)

    def _leave_out(self, form: WrittenForm, consent: str, action: str = "") -> None:
        after = {"standing": Standing.RETIRED.value, "standing_why": LEFT_OUT}
        for guid in form.waiting:
            self._decisions.change(
                guid, "retire", after, by=SOURCE, action=action, extra={CONSENT: consent}
            )
        self._mark(form, "no_card = :why", "drafted <> ''")

    def _mark(self, form: WrittenForm, change: str, condition: str) -> None:
        """Change the highlights of a form that have no live card."""
        self._db.execute(
            f"UPDATE highlight SET {change} WHERE {condition}"
            " AND json_extract(body, '$.written') = :written AND document IN"
            " (SELECT key FROM document WHERE json_extract(body, '$.source') = :source)"
            " AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid"
            "  WHERE l.key = highlight.key AND c.standing = 'live')",
            {"why": LEFT_OUT, "written": form.written, "source": form.source},
        )

    # --- from a journal, and undone -----------------------------------------------------------

    def apply(self, event: Event) -> None:
        """Apply a decision that came from a journal or was undone.

        It holds for the cards that only this ledger drafted as well. Highlights whose form is wanted again
        are drafted by the next run.
        """
        if event.what != CONSENT:
            return
        form = WrittenForm(event.subject, str(event.body["written"]))
        choice = Choice(event.body["choice"])
        if event.undone:
            self._decisions.take_back_following(event.id)
            if choice is Choice.NEVER:
                self._mark(form, "no_card = '', drafted = ''", "no_card = :why")
            return
        held = self.decided().get((form.source, form.written))
        if held is None or held.event != event.id:
            return  # a later decision about the form stands
        left = {(one.source, one.written): one for one in self._waiting(clean_too=True)}
        form = left.get((form.source, form.written), form)
        if choice is Choice.NEVER:
            self._leave_out(form, event.id)
        elif choice is Choice.ACCEPT:
            after = {"verdict": Verdict.ACCEPTED.value, "accepted_by": AcceptedBy.AUTHOR.value}
            for guid in form.waiting:
                if not self._decisions.person_decided(self._cards.get(guid).highlight.key):
                    self._decisions.change(
                        guid, "accept", after, by=POLICY, extra={CONSENT: event.id}
                    )
