"""The tools that an agent may call. They never return text that must stay on this computer.

Agents see the docstrings and parameters of the tools; see `hooks.Tool`.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import islice
from typing import Annotated, Literal

import msgspec
from msgspec import to_builtins
from msgspec.structs import replace

from ankiforge.check import compute_search_terms
from ankiforge.config.workspace import Activity
from ankiforge.draft.privacy import PrivacyFilter, SendableHighlight, mark_as_sendable
from ankiforge.draft.prompt import (
    NO_TEXT,
    Prompt,
    ReplyShape,
    build_shape_placeholders,
    compute_max_card_count,
)
from ankiforge.draft.reply import build_drafts, explain_missing_card
from ankiforge.draft.reply_cards import parse_cards
from ankiforge.errors import BusyError, UsageError
from ankiforge.hooks import Tool, agent_tool
from ankiforge.ledger import Ledger, draft_recording, item_lists
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.draft_completion import complete_drafts, compute_draft_id
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.pending_items import count_waiting, load_pending_items
from ankiforge.ledger.tables.anki_notes import load_note_in_anki
from ankiforge.ledger.tables.snapshots import load_highlight_snapshots
from ankiforge.model import (
    AGENT_DRAFTER,
    Draft,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Finding,
    Highlight,
    HighlightKey,
    Json,
    ListRow,
    Origin,
    PendingDraft,
    Severity,
    Texts,
    Value,
)
from ankiforge.pipeline.draft import DraftChecker, iter_model_tasks, load_privacy_filter
from ankiforge.pipeline.models import load_prompt
from ankiforge.pipeline.query import find_matching_ids
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.history import decision_to_json, format_decision_text
from ankiforge.reports.view import view_card
from ankiforge.review import batches

_PRIVATE = "this passage must stay on this computer (#no-llm)"


# --- entries ----------------------------------------------------------------------------


def _check_is_public(privacy: PrivacyFilter, highlight: Highlight) -> None:
    """Check that an agent may see a highlight, even if some of the text has to be masked.

    Raises:
        UsageError: the whole highlight must stay on this computer.
    """
    if privacy.find_private_reason(highlight):
        raise UsageError(_PRIVATE)


def highlight_to_json(
    sendable_highlight: SendableHighlight, requested_kind: str = ""
) -> Json:
    """Convert a highlight to JSON for an agent, leaving out empty values."""
    entry = {
        "highlight": sendable_highlight.key,
        "title": sendable_highlight.title,
        "heading": sendable_highlight.heading,
        "page": sendable_highlight.page,
        "marked": sendable_highlight.exact,
        "sentence": sendable_highlight.sentence,
        "phrases": list(sendable_highlight.phrases),
        "comment": sendable_highlight.comment,
        "colour": sendable_highlight.colour,
        "wanted": requested_kind,
        "cards": compute_max_card_count(sendable_highlight.exact),
    }
    if entry["sentence"] == entry["marked"]:
        del entry["sentence"]
    if entry["cards"] == 1:
        del entry["cards"]
    return {name: value for name, value in entry.items() if value}


def item_to_json(list_row: ListRow, reason: str | None, privacy: PrivacyFilter) -> Json:
    """Convert a card or draft to JSON for an agent.

    `reason` is why the card needs work, or None if it doesn't.
    """
    origin = list_row.origin
    entry: Json = {
        **view_card(list_row).to_json(),
        "title": privacy.make_sendable_highlight(list_row.highlight).title,
        "drafter": " ".join(filter(None, (origin.drafter, origin.model))),
    }
    if reason is not None:
        entry["why"] = reason
    return privacy.mask_json_entry(entry, list_row.highlight)


def _omit_duplicate_texts(findings: Iterable[Finding]) -> list[Finding]:
    """Remove the text of other cards, which may be private, from findings about duplicates."""
    public_findings = []
    for finding in findings:
        if finding.duplicate:
            message = finding.message.partition("“")[0].rstrip(" :")
            finding = replace(finding, message=message)
        public_findings.append(finding)
    return public_findings


def _explain_needed_work(ledger: Ledger, list_row: ListRow) -> str | None:
    """Return why a card needs work, or None if it doesn't.

    It is often forgotten, or has a remark by the user.
    """
    if isinstance(list_row, PendingDraft):
        return None
    note = load_note_in_anki(ledger, list_row.guid)
    if note is None:
        return None
    reasons = []
    if note.is_leech or note.lapses >= MIN_LAPSES:
        reasons.append(f"forgotten {note.lapses} times")
    if note.feedback:
        reasons.append(f"the reader's remark: {note.feedback}")
    if not reasons:
        return None
    return "; ".join(reasons)


# --- the tools -----------------------------------------------------------------------------

MAX_CARDS = 20
"""The maximum number of cards in one call of `propose_cards`."""
MIN_PENDING_LIMIT = 2
"""How many drafts of an agent may be pending for a short highlight. Long highlights allow more."""
MAX_PAGE_ENTRIES = 50
"""The maximum number of entries on a page of a list."""
MAX_PAGE_CHARS = 30_000
"""The maximum length of a page of highlights, in characters."""
MIN_LAPSES = 4
"""The minimum number of lapses of a card that needs work."""
LOCK_TIMEOUT = 5.0
"""How long to wait, in seconds, for another program that is drafting in this workspace."""
_SCHEMA = (
    "the arguments of the tool propose_cards, where `highlight` stands for `h`."
    ' For "none", put the reason into `why_none`.'
)
"""Describes the format of cards in the drafting rules, instead of a JSON schema."""
_BUSY_NOTE = "another ankiforge is at work here: what was marked just now may be missing"
_NO_VALID_CARD = "no card can be made from it"
_TOO_MANY = (
    "at most {} cards of yours wait for this highlight, each of another fact:"
    " withdraw_card drops one"
)
_REJECTED_BEFORE = "the reader rejected these words, or has this card"

OpenWorkspace = Callable[[Activity | None], AbstractContextManager[Workspace]]
"""Opens the workspace. The argument is the activity whose lock to hold, or None for no lock."""
Cards = list[Texts]
"""Proposed cards as dictionaries with the fields of `ProposedCard`, which are "" if unused."""


# --- arguments ------------------------------------------------------------------------------

Limit = Annotated[int, msgspec.Meta(ge=1, le=MAX_PAGE_ENTRIES)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Words = Annotated[str, msgspec.Meta(max_length=1_000)]
Side = Annotated[str, msgspec.Meta(max_length=4_000)]
CardState = Literal["all", "waiting", "needs_work", "rejected"]


class ProposedCard(Value, forbid_unknown_fields=True, kw_only=True):
    """One card, or kind "none" with why_none for a passage that deserves no card."""

    highlight: Words
    kind: Literal["basic", "cloze", "two-way", "none"]
    quote: Annotated[Side, msgspec.Meta(description="Copied from the passage")] = ""
    front: Side = ""
    back: Side = ""
    text: Annotated[Side, msgspec.Meta(description="Of a cloze: {{c1::answer}}")] = ""
    why_none: Annotated[str, msgspec.Meta(max_length=300)] = ""


ProposedCards = Annotated[
    list[ProposedCard], msgspec.Meta(min_length=1, max_length=MAX_CARDS)
]


class AgentSession:
    """A session in which an agent calls tools."""

    def __init__(self, open_workspace: OpenWorkspace) -> None:
        """Start a session.

        `open_workspace` must raise an error if the user hasn't allowed agents.
        """
        self.open = open_workspace
        self.name = ""
        """The name and version of the client."""
        # The ids of the drafts proposed in this session, which the agent may withdraw.
        self.own_drafts: set[str] = set()
        self.rules_sent = False

    def call_tool(self, tool: Tool, arguments: Json) -> Json:
        """Call a tool and return its result.

        Changed files are read first, because text may have become private. Private text in the
        results of other features' tools is masked here; this feature's own tools mask their
        results themselves.
        """
        unread = {} if tool.writes else _read_changed_files(self)
        if tool in TOOLS:
            return {**tool.function(self, **arguments), **unread}
        with self.open(None) as workspace:
            privacy = load_privacy_filter(workspace.ledger)
            answer: Json = tool.function(workspace, privacy, **arguments)
            return {**privacy.mask_json_entry(answer), **unread}


# --- reading ------------------------------------------------------------------------


@agent_tool()
def list_highlights(
    agent: AgentSession,
    *,
    offset: Offset = 0,
    limit: Limit = 20,
    document: Words = "",
    rules: bool = False,
) -> Json:
    """List the reader's highlights that have no card yet, with counts.

    Continue with next_offset. `document` is a part of a title. The first reply contains the
    drafting rules; `rules` returns them again.
    """
    with agent.open(None) as workspace:
        # collect the highlights without a card, each with the kind of card its colour requests
        without_card: list[tuple[SendableHighlight, str]] = []
        for request in iter_model_tasks(
            workspace.build_run_parameters(), workspace.ledger
        ):
            wanted_kind = request.task.instructions.requested_kind
            for sendable in request.passages.values():
                if document.casefold() in sendable.title.casefold():
                    without_card.append((sendable, wanted_kind))

        # add highlights to the page, up to its maximum length
        page: list[Json] = []
        for sendable, wanted_kind in islice(without_card, offset, offset + limit):
            entry = highlight_to_json(sendable, wanted_kind)
            if page and len(json.dumps([*page, entry])) > MAX_PAGE_CHARS:
                break
            page.append(entry)
        end = offset + len(page)
        answer: Json = {
            "without_card": len(without_card),
            "highlights": page,
            "next_offset": end if end < len(without_card) else None,
        }
        if rules or not agent.rules_sent:
            answer["rules"] = _render_rules(load_prompt(workspace.folder))
            agent.rules_sent = True
        return answer


def _read_changed_files(agent: AgentSession) -> Json:
    """Read the sources, and return any `note` about unreadable files or a busy workspace."""
    try:
        with agent.open("drafting") as workspace:
            problems = workspace.read_sources().problems
    except BusyError:
        return {"note": _BUSY_NOTE}
    failure_count = sum(not problem.is_notice for problem in problems)
    if not failure_count:
        return {}
    message = f"{failure_count} files or notes could not be read"
    return {"note": f"{message}: ankiforge run"}


def _render_rules(prompt: Prompt) -> str:
    """Render the drafting rules, describing the arguments of `propose_cards` instead of a reply."""
    values = {
        **build_shape_placeholders(ReplyShape()),
        "schema": mark_as_sendable(_SCHEMA),
        **dict.fromkeys(("title", "remark", "highlights"), NO_TEXT),
    }
    return prompt.render_messages(values)[0]["content"]


@agent_tool()
def get_context(agent: AgentSession, *, highlight: Words) -> Json:
    """Show one highlight with the text around it, e.g. to see to whom "she" refers."""
    with agent.open(None) as workspace:
        privacy = load_privacy_filter(workspace.ledger)
        passage = load_highlight(workspace.ledger, highlight)
        _check_is_public(privacy, passage)
        sendable = privacy.make_sendable_highlight(passage)
        context = sendable.context or sendable.sentence or sendable.exact
        return {
            **highlight_to_json(sendable),
            "under": list(sendable.parent_items),
            "around": context,
        }


@agent_tool()
def list_cards(
    agent: AgentSession,
    *,
    query: Words = "",
    state: CardState = "all",
    offset: Offset = 0,
    limit: Limit = 20,
) -> Json:
    """List cards with quotes and findings.

    `state`: `waiting` (new and changed cards, in the order in which the reader is asked);
    `needs_work` (forgotten too
    often, or with the reader's remark); `rejected` (what the reader rejected lately, with reasons;
    `query` is words). `waiting` in the result counts all that the reader has to decide on, also
    suggested cards and questions, which are not listed. `query` as in the program: an id, words,
    deck:Biology, tag:x, document:title, finding:*.
    """
    with agent.open(None) as workspace:
        ledger = workspace.ledger
        privacy = load_privacy_filter(ledger)
        cards: list[Json] = []
        ids: list[str] = []
        if state == "rejected":
            cards = list(_iter_rejected(ledger, privacy, query))
        else:
            ids = find_matching_ids(ledger, query)
        if state == "waiting":
            ids = _sort_for_review(ledger, ids)
        for line in item_lists.load_items(ledger, ids):
            reason = _explain_needed_work(ledger, line)
            if state == "needs_work" and reason is None:
                continue
            if privacy.is_private_row(line):
                continue
            if isinstance(line, PendingDraft):
                findings = _omit_duplicate_texts(line.findings)
                line = replace(line, findings=tuple(findings))
            cards.append(item_to_json(line, reason, privacy))
        end = offset + limit
        return {
            "cards": cards[offset:end],
            "total": len(cards),
            "waiting": to_builtins(count_waiting(load_pending_items(ledger))),
            "documents": Counter(card["title"] for card in cards if "title" in card),
            "next_offset": end if end < len(cards) else None,
        }


def _iter_rejected(ledger: Ledger, privacy: PrivacyFilter, query: str) -> Iterator[Json]:
    """Yield the JSON of rejections whose text contains the query, newest first."""
    for decision in ledger.list_history():
        text = format_decision_text(decision).casefold()
        if decision.event.kind != "reject" or query.casefold() not in text:
            continue
        row = next(item_lists.load_items(ledger, [decision.guid]), None)
        if privacy.is_private_passage(HighlightKey(decision.event.key)):
            continue
        entry = decision_to_json(decision)
        if row is None:
            yield privacy.mask_json_entry(entry)
        elif not privacy.is_private_row(row):
            yield privacy.mask_json_entry(entry, row.highlight)


def _sort_for_review(ledger: Ledger, ids: list[str]) -> list[str]:
    """Sort the ids of drafts in the order of the review, with changes to cards last.

    The ids of other items are left out.
    """
    matching_ids = set(ids)
    shown_ids = [draft.id for draft in batches.iter_drafts_for_review(ledger)]
    sorted_ids = dict.fromkeys(shown_ids + _find_group_draft_ids(ledger, ids))
    return [draft_id for draft_id in sorted_ids if draft_id in matching_ids]


# --- proposing ----------------------------------------------------------------------


@agent_tool(writes=True)
def propose_cards(agent: AgentSession, *, cards: ProposedCards) -> Json:
    """Propose cards for highlights; the reader decides on each.

    Markdown, no HTML or links; at most 2 cards a highlight, or as many as its `cards`. Returns
    findings per card. Repair a blocked card once: withdraw it, propose a better one. Examples:
    {"highlight": "pdf:…", "kind": "basic", "quote": "occupying the receptors", "front": "How
    does caffeine keep us awake?", "back": "by occupying adenosine receptors"};
    {"highlight": "pdf:…", "kind": "none", "why_none": "only announces the next chapter"}.
    """
    # return one result per highlight, in the order of the cards: the ids and findings of the new
    # drafts, the agent's reason for making no card, or the reason the cards were refused
    cards_by_highlight: dict[str, Cards] = {}
    for card in to_builtins(cards):
        cards_by_highlight.setdefault(card["highlight"], []).append(card)
    with agent.open("drafting") as workspace:
        ledger = workspace.ledger
        prompt = load_prompt(workspace.folder)
        privacy = load_privacy_filter(ledger)
        checks = DraftChecker(workspace.build_run_parameters(), ledger)
        results = []
        for key, highlight_cards in cards_by_highlight.items():
            try:
                highlight = load_highlight(ledger, key)
                result = _propose_for_highlight(
                    agent,
                    checks,
                    prompt,
                    privacy,
                    highlight,
                    highlight_cards,
                )
            except UsageError as error:
                result = {"refused": error.message}
            results.append({"highlight": key, **result})
        return {"results": results}


def _propose_for_highlight(
    agent: AgentSession,
    checks: DraftChecker,
    prompt: Prompt,
    privacy: PrivacyFilter,
    highlight: Highlight,
    cards: Cards,
) -> Json:
    """Check and record the cards proposed for a single highlight, and return the result.

    Raises:
        UsageError: the highlight is private, or the cards are refused.
    """
    ledger = checks.ledger
    key = highlight.key
    _check_is_public(privacy, highlight)
    task = privacy.make_sendable_task(DraftingTask(highlight.document, (highlight,)))
    if key in task.withheld:
        raise UsageError(str(task.withheld[key].reason))
    _check_fields(cards, highlight)
    ids_before = set(_find_group_draft_ids(ledger, [key]))
    own_before = ids_before & agent.own_drafts
    max_cards = max(MIN_PENDING_LIMIT, compute_max_card_count(highlight.exact))
    if len(own_before) + len(cards) > max_cards:
        raise UsageError(_TOO_MANY.format(max_cards))

    # parse the cards like the reply of a model
    reply = json.dumps({"cards": [{**card, "h": "1"} for card in cards]})
    parsed_cards = parse_cards(reply, ("1",))
    if not parsed_cards:
        raise UsageError(_NO_VALID_CARD)
    origin = Origin(AGENT_DRAFTER, agent.name, prompt.fingerprint)
    shape = ReplyShape(candidate_count=max_cards)
    drafts_read = build_drafts(parsed_cards, highlight, origin, shape)
    if not drafts_read:
        reason = explain_missing_card(parsed_cards, shape)
        if any(card["kind"] != "none" for card in cards):
            raise UsageError(reason)
        empty = DraftingResult(highlight, status=DraftingStatus.NO_CARD, reason=reason)
        draft_recording.record_drafts(
            ledger, [empty], compute_search_terms, by_model=True, keeps_pending=True
        )
        return {"no_card": reason}

    # check the cards and record them as drafts of this agent
    local_highlight = load_highlight_snapshots(ledger, [key])[key]
    drafts = complete_drafts(local_highlight, drafts_read)
    checked = checks.check_drafts(local_highlight, highlight, drafts)
    recorded = _record_checked_drafts(agent, ledger, highlight, checked, ids_before)
    if not recorded:
        raise UsageError(_REJECTED_BEFORE)
    result: Json = {"cards": recorded}
    if len(recorded) < len(drafts):
        result["note"] = _REJECTED_BEFORE
    return privacy.mask_json_entry(result, highlight)


def _record_checked_drafts(
    agent: AgentSession,
    ledger: Ledger,
    highlight: Highlight,
    drafts: Iterable[Draft],
    ids_before: set[str],
) -> list[Json]:
    """Record the agent's drafts, and return the id (`card`) and findings of each that waits.

    A draft that waited before is returned again, because an agent may repeat a call.
    """
    recorded: list[Json] = []
    for draft in drafts:
        drafted = DraftingResult(highlight, (draft,))
        new_ids = draft_recording.record_drafts(
            ledger, [drafted], compute_search_terms, by_model=True, keeps_pending=True
        ).new_draft_ids
        findings = _omit_duplicate_texts(
            each for each in draft.findings if each.severity != Severity.INFO
        )
        entry: Json = {"findings": to_builtins(findings)}
        if draft.is_blocked:
            entry["blocked"] = True
        for draft_id in new_ids or ids_before.intersection([compute_draft_id(draft)]):
            recorded.append({"card": draft_id, **entry})
        agent.own_drafts.update(new_ids)
    return recorded


@agent_tool(writes=True)
def withdraw_card(agent: AgentSession, *, card: Words) -> Json:
    """Withdraw a waiting card that you proposed in this session, e.g. to propose a better one."""
    with agent.open("drafting") as workspace:
        ledger = workspace.ledger
        if card not in agent.own_drafts or card not in _find_group_draft_ids(
            ledger, [card]
        ):
            message = f"{card!r} is not a waiting card of yours, of this session"
            raise UsageError(message)
        undo_decision(ledger, card)
        return {"withdrawn": card}


TOOLS = (list_highlights, get_context, propose_cards, list_cards, withdraw_card)


# --- checks ---------------------------------------------------------------------------------


def _check_fields(cards: Cards, passage: Highlight) -> None:
    """Check that cards have the required fields and no invisible characters.

    Raises:
        UsageError: a card is invalid. The message describes the first error.
    """
    allowed_characters = {"\n", "\t"}.union(
        set(_ZERO_WIDTH_JOINERS) & set(passage.context)
    )
    for card in cards:
        kind = card["kind"]
        for name in _REQUIRED_FIELDS.get(kind, ("front", "back")):
            if not card[name].strip():
                raise UsageError(f"kind {kind!r} needs `{name}`")
        for name in ("front", "back", "text", "quote", "why_none"):
            character = _find_invisible_character(card[name], allowed_characters)
            if character is not None:
                code = f"U+{ord(character):04X}"
                message = f"`{name}` has the invisible character {code}"
                raise UsageError(f"{message}: write it without")


def _find_invisible_character(text: str, allowed_characters: set[str]) -> str | None:
    for character in text:
        if character in allowed_characters:
            continue
        if unicodedata.category(character) in ("Cc", "Cf"):
            return character
    return None


def _find_group_draft_ids(ledger: Ledger, ids: Iterable[str]) -> list[str]:
    """Return the ids of all drafts in the groups of the given drafts, best draft of a group first.

    `ids` may contain both draft ids and highlight keys.
    """
    drafts: list[str] = []
    for offer in iter_draft_groups(ledger, ids):
        drafts += [draft.id for draft in offer]
    return drafts


_REQUIRED_FIELDS = {"none": ("why_none",), "cloze": ("text",)}
"""Maps kinds of cards to their required fields. Other kinds require `front` and `back`."""

# Zero-width characters that some scripts need. Allowed on a card if its passage contains them.
_ZERO_WIDTH_JOINERS = "\u200c\u200d"
