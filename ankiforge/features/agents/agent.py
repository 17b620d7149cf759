"""The tools that an agent may call, on a workspace without its private texts.

`server.py` has their arguments and descriptions.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice

from msgspec.structs import replace

from ankiforge.check import terms_of
from ankiforge.draft.prompt import NOTHING, Prompt, Shape, most_cards, rules_of
from ankiforge.draft.reply import drafts_of, items, why_none
from ankiforge.draft.sendable import Privacy, Sendable, ours
from ankiforge.errors import BusyError, UsageError
from ankiforge.hooks import Tool
from ankiforge.ledger import Ledger, lists, recording
from ankiforge.ledger.cards import highlight_of
from ankiforge.ledger.decide import undo
from ankiforge.ledger.drafts import completed
from ankiforge.ledger.offers import offers
from ankiforge.ledger.tables.anki import seen_note
from ankiforge.ledger.tables.here import highlights_here
from ankiforge.model import (
    AGENT,
    Draft,
    Drafted,
    Highlight,
    HighlightKey,
    Json,
    Line,
    Origin,
    Severity,
    Task,
    Texts,
    Waiting,
)
from ankiforge.pipeline.draft import Checks, for_model, privacy_of
from ankiforge.pipeline.models import load_prompt
from ankiforge.pipeline.query import matching
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import shelf

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

    def line(self, line: Line, why: str) -> Json:
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
        if isinstance(line, Waiting):
            entry |= findings_entry(line)
        if why:
            entry["why"] = why
        return self.privacy.entry(entry, line.highlight)

    def rejected(self, words: str) -> Iterator[Json]:
        """Yield the rejections whose text has these words, with their reasons, newest first."""
        for done in self._ledger.history():
            if done.what != "reject" or words.casefold() not in done.text.casefold():
                continue
            if not self.privacy.hides_passage(HighlightKey(done.key)):
                told = {"highlight": done.key, "rejected": done.text, "at": done.at}
                yield self.privacy.entry(told)


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


def _trouble(ledger: Ledger, line: Line) -> str:
    """Return why a card needs work; "" if it does not."""
    if isinstance(line, Waiting):
        return ""
    note = seen_note(ledger, line.guid)
    if note is None:
        return ""
    troubles = []
    if note.leech or note.lapses >= LAPSES:
        troubles.append(f"forgotten {note.lapses} times")
    if note.feedback:
        troubles.append(f"the reader's remark: {note.feedback}")
    return "; ".join(troubles)


def findings_entry(draft: Draft) -> Json:
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


# --- the tools -----------------------------------------------------------------------------

MOST_CARDS = 20
"""The maximum number of cards of a proposal."""
FEWEST = 2
"""The number of its cards that may wait for any highlight; for a long one they may be more."""
MOST_LISTED = 50
"""The maximum number of entries of a page."""
PAGE_CHARACTERS = 30_000
"""The length after which a page of highlights ends."""
LAPSES = 4
"""A card that was forgotten so often needs work."""
PATIENCE_S = 5.0
"""How long a call waits for another program that drafts in this workspace, in seconds."""
_SCHEMA = (
    "the arguments of the tool propose_cards, where `highlight` stands for `h`."
    ' For "none", put the reason into `why_none`.'
)
"""What the rules say of the form of a proposal."""
_AT_WORK = "another ankiforge is at work here: what was marked just now may be missing"
_NOTHING_MADE = "no card can be made of it"
_TOO_MANY = (
    "at most {} cards of yours wait for this highlight, each of another fact:"
    " withdraw_card drops one"
)
_REJECTED_BEFORE = "the reader rejected these words, or has this card"

Opener = Callable[[str], AbstractContextManager[Workspace]]
"""Opens the workspace; the argument names a lock to hold, "" = none."""
Cards = list[Texts]


class Agent:
    """The tools of the server for one session of a client; each method is a tool."""

    def __init__(self, opener: Opener) -> None:
        """`opener` raises if nobody has allowed agents to read this workspace."""
        self._open = opener
        self.name = ""
        """Name and version of the client."""
        # The drafts that were proposed in this session.
        self._own: set[str] = set()
        self._has_rules = False

    # --- reading ------------------------------------------------------------------------

    def list_highlights(
        self,
        offset: int,
        limit: int,
        document: str,
        rules: bool,
    ) -> Json:
        """Return a page of the highlights without a card; the first one has the rules.

        At offset 0, changed files are read first, but nothing is drafted. If another
        program is drafting, they are not read, and the answer says so.
        """
        answer: Json = {}
        if offset == 0:
            try:
                with self._open("drafting") as workspace:
                    problems = workspace.read().problems
                failures = [problem for problem in problems if not problem.notice]
                if failures:
                    unread = f"{len(failures)} files or notes could not be read"
                    answer["note"] = f"{unread}: ankiforge run"
            except BusyError:
                answer["note"] = _AT_WORK
        with self._open("") as workspace:
            # the highlights without a card, each with what it wants
            without_card: list[tuple[Sendable, str]] = []
            for sent in for_model(workspace.job(), workspace.ledger):
                wants = sent.task.brief.wants
                for shown in sent.passages.values():
                    if document.casefold() in shown.title.casefold():
                        without_card.append((shown, wants))

            # a page of them, which ends before it gets too long
            page: list[Json] = []
            for shown, wants in islice(without_card, offset, offset + limit):
                entry = highlight_entry(shown, wants)
                if page and len(json.dumps([*page, entry])) > PAGE_CHARACTERS:
                    break
                page.append(entry)
            end = offset + len(page)
            answer = {
                "without_card": len(without_card),
                "highlights": page,
                "next_offset": end if end < len(without_card) else None,
                **answer,
            }
            if rules or not self._has_rules:
                # with the tool instead of the JSON of a reply
                prompt = load_prompt(workspace.folder)
                values = {**rules_of(Shape()), "schema": ours(_SCHEMA)}
                for name in ("title", "remark", "highlights"):
                    values[name] = NOTHING
                answer["rules"] = prompt.messages(values)[0]["content"]
                self._has_rules = True
            return answer

    def get_context(self, highlight: str) -> Json:
        """Return a highlight with the text around it."""
        with self._open("") as workspace:
            ledger = workspace.ledger
            shown = AgentView(ledger).passage(highlight_of(ledger, highlight))
            around = shown.around or shown.sentence or shown.marked
            return {
                **highlight_entry(shown),
                "under": list(shown.under),
                "around": around,
            }

    def list_cards(self, query: str, state: str, offset: int, limit: int) -> Json:
        """Return the cards and drafts that match a query of `list` and are in a state.

        The states are described at the tool, in `server`; "" = all that stand.
        """
        with self._open("") as workspace:
            ledger = workspace.ledger
            view = AgentView(ledger)
            cards: list[Json] = []
            if state == "rejected":
                cards += view.rejected(query)
            else:
                ids = matching(ledger, query)
                if state == "waiting":  # as the person is asked, then changes
                    wanted = set(ids)
                    asked = [draft.id for draft in shelf.drafts(ledger)]
                    ids = list(dict.fromkeys(asked + _drafts_of(ledger, ids)))
                    ids = [draft_id for draft_id in ids if draft_id in wanted]
                for line in lists.lines(ledger, ids):
                    trouble = _trouble(ledger, line)
                    if state == "needs_work" and not trouble:
                        continue
                    if not view.privacy.hides_line(line):
                        cards.append(view.line(line, trouble))
            end = offset + limit
            return {
                "cards": cards[offset:end],
                "total": len(cards),
                "documents": Counter(card["title"] for card in cards if "title" in card),
                "next_offset": end if end < len(cards) else None,
            }

    def of_feature(self, tool: Tool, arguments: Json) -> Json:
        """Return the answer of a feature's tool, without what must stay on this machine."""
        with self._open("") as workspace:
            view = AgentView(workspace.ledger)
            return view.privacy.entry(tool.answer(workspace, view.privacy, **arguments))

    # --- proposing ----------------------------------------------------------------------

    def propose_cards(self, cards: Cards) -> Json:
        """Record proposals, and return the findings of the checks.

        Args:
            cards: each has a `highlight` (its key), a `kind` (`basic`, `cloze`, `two-way`
                or `none`), and the other fields, "" where the kind has none.

        Returns:
            For every highlight, in order: the cards with findings, the reason why there
            are none, or why the proposal was refused.
        """
        proposed: dict[str, Cards] = {}
        for card in cards:
            proposed.setdefault(card["highlight"], []).append(card)
        with self._open("drafting") as workspace:
            ledger = workspace.ledger
            prompt = load_prompt(workspace.folder)
            view = AgentView(ledger)
            checks = Checks(workspace.job(), ledger)
            results = []
            for key, of_highlight in proposed.items():
                try:
                    highlight = highlight_of(ledger, key)
                    result = self._propose(
                        checks,
                        prompt,
                        view,
                        highlight,
                        of_highlight,
                    )
                except UsageError as refused:
                    result = {"refused": refused.message}
                results.append({"highlight": key, **result})
            return {"results": results}

    def _propose(
        self,
        checks: Checks,
        prompt: Prompt,
        view: AgentView,
        highlight: Highlight,
        cards: Cards,
    ) -> Json:
        """Record the cards proposed for one highlight.

        Raises:
            UsageError: the highlight is private, or the cards are refused.
        """
        ledger = checks.ledger
        key = highlight.key
        # a private passage is refused here
        view.passage(highlight)
        task = view.privacy.task(Task(highlight.document, (highlight,)))
        if key in task.withheld:
            raise UsageError(task.withheld[key].reason)
        _check_form(cards, highlight)
        ids_before = set(_drafts_of(ledger, [key]))
        own_before = ids_before & self._own
        most = max(FEWEST, most_cards(highlight.exact))
        if len(own_before) + len(cards) > most:
            raise UsageError(_TOO_MANY.format(most))

        # read like the reply of a model
        reply = json.dumps({"cards": [{**card, "h": "1"} for card in cards]})
        proposed = items(reply, ("1",))
        if not proposed:
            raise UsageError(_NOTHING_MADE)
        origin = Origin(AGENT, self.name, prompt.fingerprint)
        shape = Shape(candidates=most)
        made = drafts_of(proposed, highlight, origin, shape)
        if not made:
            reason = why_none(proposed, shape)
            if any(card["kind"] != "none" for card in cards):
                raise UsageError(reason)
            none = Drafted(highlight, reason=reason)
            recording.record(ledger, [none], terms_of, by_model=True, beside=True)
            return {"no_card": reason}

        # checked and recorded as drafts of this agent
        here = highlights_here(ledger, [key], checks.originals)[key]
        drafts = completed(here, [replace(draft, intent=0) for draft in made])
        recorded: list[Json] = []
        for draft in checks.checked(here, highlight, drafts):
            drafted = Drafted(highlight, (draft,))
            new = recording.record(
                ledger, [drafted], terms_of, by_model=True, beside=True
            ).new
            findings = findings_entry(draft)
            recorded += [{"card": draft_id, **findings} for draft_id in new]
            self._own.update(set(new) - ids_before)
        if not recorded:
            raise UsageError(_REJECTED_BEFORE)
        entry: Json = {"cards": recorded}
        if len(recorded) < len(drafts):
            entry["note"] = _REJECTED_BEFORE
        return view.privacy.entry(entry, highlight)

    def withdraw_card(self, card: str) -> Json:
        """Drop a draft that was proposed in this session and nobody has decided on."""
        with self._open("drafting") as workspace:
            ledger = workspace.ledger
            if card not in self._own or card not in _drafts_of(ledger, [card]):
                message = f"{card!r} is not a waiting draft of yours, of this session"
                raise UsageError(message)
            undo(ledger, card)
            return {"withdrawn": card}


def _check_form(cards: Cards, passage: Highlight) -> None:
    """Refuse cards without a field that their kind needs, or with invisible characters.

    Raises:
        UsageError: the first such fault.
    """
    allowed = {"\n", "\t"}.union(set(_JOINERS) & set(passage.context))
    for card in cards:
        kind = card["kind"]
        for name in _NEEDED_FIELDS.get(kind, ("front", "back")):
            if not card[name].strip():
                raise UsageError(f"kind {kind!r} needs `{name}`")
        for name in ("front", "back", "text", "quote", "why_none"):
            for sign in set(card[name]) - allowed:
                if unicodedata.category(sign) in ("Cc", "Cf"):
                    code = f"U+{ord(sign):04X}"
                    message = f"`{name}` has the invisible character {code}"
                    raise UsageError(f"{message}: write it without")


def _drafts_of(ledger: Ledger, ids: Iterable[str]) -> list[str]:
    """Return the drafts of the offers of drafts or passages, the best of each offer first."""
    drafts: list[str] = []
    for offer in offers(ledger, ids):
        drafts += [draft.id for draft in offer]
    return drafts


_NEEDED_FIELDS = {"none": ("why_none",), "cloze": ("text",)}
"""The fields that a proposal of a kind must have; of all other kinds, front and back."""

# Characters without width that some scripts need; a card may have them if its passage
# has.
_JOINERS = "\u200c\u200d"
