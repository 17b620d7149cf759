"""The view of a card, shared by lists, the terminal, the web page, JSON output and agents.

The card may be a suggestion, a pending draft, a decided card, or a preview of what the user
types.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import to_builtins

from ankiforge.check import RULES, Rule
from ankiforge.model import (
    AGENT_DRAFTER,
    CHAT_MODEL,
    PROPOSAL_DRAFTER,
    CardKind,
    Draft,
    Fields,
    Finding,
    Json,
    LocalCard,
    NoteType,
    Pair,
    PendingDraft,
    Proposal,
    RemarkKind,
    Severity,
    ShownCard,
    Strings,
    Value,
    make_highlight_id,
)
from ankiforge.review.actions import ACTIONS, Verb, find_situation, sort_as_commands
from ankiforge.text import format_as_sentence, join_columns, occlusion, to_one_line
from ankiforge.text.cloze import (
    format_cloze_answers,
    format_table_rows,
    to_plain_text,
    to_terminal_text,
)


class Author(StrEnum):
    """Who wrote a card, as a label shows it."""

    USER = "yours"
    CHAT = "chat"
    MODEL = "model"
    AGENT = "agent"
    SUGGESTED = "suggested"
    """ankiforge itself suggested the card for a highlight."""


def find_author(card: ShownCard) -> Author:
    """Determine who wrote a card."""
    origin = card.origin
    if isinstance(card, Proposal) or origin.drafter == PROPOSAL_DRAFTER:
        return Author.SUGGESTED
    if origin.drafter == AGENT_DRAFTER:
        return Author.AGENT
    if origin.model == CHAT_MODEL:
        return Author.CHAT
    return Author.MODEL if origin.drafter == "llm" else Author.USER


class CardView(Value):
    """The visible content of a suggestion, a draft, a card or a preview."""

    card: ShownCard
    id: str | None
    """The id for commands such as `accept`, or None for a preview."""
    state: str
    """The state, such as "waiting", "blocked", "accepted" or "in Anki"."""
    rows: Fields
    """The fields that aren't empty, as Markdown. Masks are replaced by their labels."""
    front: str
    """The question as Markdown, or the text with its cloze deletions."""
    answer: str
    """The answers as plain text on one line."""
    findings: tuple[Finding, ...]
    pending_reason: str | None
    """The reason why a draft is pending, as a sentence, or None for cards and suggestions."""

    @property
    def question(self) -> str:
        """The question as plain text on one line, with the answers of gaps in brackets."""
        return self.format_question("[", "]")

    def format_question(self, opening: str, closing: str) -> str:
        """Format the question on one line, with the answers of gaps between two strings."""
        text = "\n".join(format_table_rows(self.front)) or self.front
        return to_one_line(to_terminal_text(text, opening, closing))

    @property
    def warning(self) -> str | None:
        """The main reason to look at a draft more closely, with advice, if there is one."""
        return find_main_warning(self.card) if isinstance(self.card, Draft) else None

    @property
    def gaps(self) -> Strings:
        """The blanked-out words of each candidate gap of a suggestion as plain text, best first."""
        if not isinstance(self.card, Draft):
            return ()
        return tuple(to_plain_text(format_cloze_answers(gap)) for gap in self.card.gaps)

    @property
    def masks(self) -> occlusion.Masks | None:
        """The masks of an image occlusion card, or None for other kinds of cards."""
        if self.card.kind is not CardKind.OCCLUSION:
            return None
        return occlusion.get_masks(self.card.fields)

    @property
    def commands(self) -> Strings:
        """The commands for deciding on the card, without `ankiforge`.

        Some of them are followed by spaces and a few words about their effect.
        """
        card = self.card
        if isinstance(card, PendingDraft):
            return tuple(_list_draft_commands(card))
        if not isinstance(card, LocalCard):
            return ()
        if card.revision is not None:
            return tuple(_list_draft_commands(card.revision))
        return () if card.is_live else (f"undo {card.id[:10]}",)

    def to_short_json(self) -> Json:
        """Convert the view to the JSON of a card in search results."""
        return {
            "id": self.id,
            "highlight": self.card.highlight.key,
            "state": self.state,
            "front": self.question,
            "back": self.answer,
        }

    def to_json(self) -> Json:
        """Convert the view to the JSON that both `list` and the tools for agents use for a card."""
        card = self.card
        return {
            **self.to_short_json(),
            "title": card.highlight.document.title,
            "kind": card.kind.value,
            "fields": dict(card.fields),
            "quote": card.quote,
            "findings": to_builtins(self.findings),
            "waits": self.pending_reason or "",
            "by": find_author(card).value,
            "certain": not isinstance(card, Proposal) or card.is_certain,
        }


def _list_draft_commands(draft: PendingDraft) -> Iterator[str]:
    """Yield the commands for deciding on a draft, those that accept it first."""
    for action in sort_as_commands(ACTIONS[find_situation(draft)]):
        command = _format_command(action.verb, draft)
        yield join_columns(command, action.effect)


def _format_command(verb: Verb, draft: PendingDraft) -> str:
    """Format the command that does something with a draft, without `ankiforge`."""
    id = draft.id[:10]
    match verb:
        case Verb.ACCEPT:
            return f"accept {_format_accept_arguments(draft)}"
        case Verb.MAKE_ANOTHER:
            return f"accept --another {_format_accept_arguments(draft)}"
        case Verb.EDIT:
            field = draft.note_type.content_fields[0]
            if draft.keeps_text:  # the question often still fits, and the answer doesn't
                field = draft.note_type.required_fields[-1]
            return f'edit {id} --field {field} "…"'
        case Verb.DRAW:
            return "review"
        case Verb.REWORD:
            return "draft"
        case _:
            return f"{verb} {id}"


def _format_accept_arguments(draft: PendingDraft) -> str:
    arguments = draft.id[:10]
    if draft.keeps_text:  # nothing of the draft is taken
        return arguments
    if draft.is_blocked:
        arguments = f"--force {arguments}"
    if len(draft.gaps) > 1:
        arguments += " --gap 1"
    return arguments


def view_card(card: ShownCard) -> CardView:
    """Build the view of a suggestion, draft, card or preview."""
    front, answer = _get_sides(card)
    id, state = None, "waiting"
    if isinstance(card, Proposal):
        id = make_highlight_id(card.key)
    elif isinstance(card, PendingDraft | LocalCard):
        id, state = card.id, card.state
    return CardView(
        card,
        id=id,
        state=state,
        rows=_list_filled_fields(card),
        front=front,
        answer=to_one_line(answer),
        findings=card.findings if isinstance(card, Draft | LocalCard) else (),
        pending_reason=explain_pending(card) if isinstance(card, PendingDraft) else None,
    )


def _get_sides(card: ShownCard) -> Pair:
    """Return the front of a card as Markdown, and its answer as plain text."""
    fields = dict(card.fields)
    if card.kind is CardKind.OCCLUSION:
        return _name_figure(card), ""
    if card.note_type is NoteType.CLOZE:
        front = fields.get("Text", "")
        return front, format_cloze_answers(front)
    return fields.get("Front", ""), to_plain_text(fields.get("Back", ""))


def _name_figure(card: ShownCard) -> str:
    """Name a figure by its caption and page, e.g. `Table 1, p. 39`."""
    caption = to_plain_text(card.get_field("Image"))
    page = card.highlight.page_or_time
    if page:
        return f"{caption or 'Figure'}, {page}"
    return caption or f"Figure in {card.highlight.document.title}"


def _list_filled_fields(card: ShownCard) -> Fields:
    rows = []
    for name, text in occlusion.replace_masks_with_labels(card.fields):
        if text:
            rows.append((name, text))
    return tuple(rows)


# --- the reasons why a draft is pending -------------------------------------------------

_EVIDENT_REMARKS = frozenset(
    {
        RemarkKind.MOVED,
        RemarkKind.REVISION,
        RemarkKind.PASSAGE,
        RemarkKind.TAKEN_BACK,
        RemarkKind.FIGURE,
    }
)
"""The remarks that the page shows in other ways, such as the card next to its new text."""


def list_findings(draft: Draft) -> Strings:
    """Return the errors and warnings of the checks as sentences."""
    sentences = []
    for finding in draft.findings:
        if finding.severity is not Severity.INFO:
            sentences.append(format_as_sentence(finding.message))
    return tuple(sentences)


def list_remarks(draft: Draft) -> Strings:
    """Return the remarks about a draft as sentences, except for `_EVIDENT_REMARKS`."""
    if not isinstance(draft, PendingDraft):
        return ()
    sentences = []
    for remark in draft.remarks:
        text = str(remark.kind)
        if remark.kind is RemarkKind.NEAR:
            text += f": “{draft.similar_removed_sentence}”"
        if remark.kind not in _EVIDENT_REMARKS:
            sentences.append(format_as_sentence(text))
    return tuple(dict.fromkeys(sentences))


def find_main_warning(draft: Draft) -> str | None:
    """Return the main reason to look at a draft more closely, with advice, if there is one.

    A finding that blocks the draft comes first, then a remark about an earlier decision by the
    user, and then a warning.
    """
    remarks = list_remarks(draft)
    if remarks and not draft.is_blocked:
        return remarks[-1]
    broken_rule = _find_main_broken_rule(draft)
    if broken_rule is not None:
        return _advise_on_finding(*broken_rule)
    # a finding of a check that has no rule any more
    sentences = (*list_findings(draft), *remarks)
    return sentences[0] if sentences else None


def _advise_on_finding(rule: Rule, finding: Finding) -> str:
    # the short message does without details such as numbers
    is_short = rule.limit or rule.group == "form"
    message = rule.short_message if is_short else finding.message
    return f"{format_as_sentence(message)} {rule.advice}"


def _find_main_broken_rule(draft: Draft) -> tuple[Rule, Finding] | None:
    """Return the most important rule that a draft breaks, with its finding, or None.

    Blocking rules come before warnings; ties are resolved by the order of `RULES`.
    """
    findings_by_check = {finding.check: finding for finding in draft.findings}
    for severity in (Severity.BLOCK, Severity.WARN):
        for rule in RULES:
            finding = findings_by_check.get(rule.id)
            if finding and finding.severity is severity:
                return rule, finding
    return None


def explain_pending(draft: PendingDraft) -> str:
    """Return why a draft is pending.

    The reason is the draft's main warning, an evident remark, or who made the draft.
    """
    return (
        find_main_warning(draft) or _find_evident_remark(draft) or _explain_maker(draft)
    )


def _find_evident_remark(draft: PendingDraft) -> str | None:
    for remark in draft.remarks:
        # drafts that aren't hand-written are pending even if no acceptance was undone
        is_reason = draft.is_hand_written or remark.kind is not RemarkKind.TAKEN_BACK
        if is_reason and remark.kind in _EVIDENT_REMARKS:
            return format_as_sentence(remark.kind)
    return None


def _explain_maker(draft: PendingDraft) -> str:
    origin = draft.origin
    if origin.drafter.startswith("rules") and draft.is_user_card:
        return "Your settings make it wait."
    if origin.drafter.startswith("rules"):
        return "Made of your highlight; you decide."
    if origin.drafter == AGENT_DRAFTER:
        return "Written by an agent; you decide."
    if origin.model == CHAT_MODEL:
        return "Written by a chat; you decide."
    return "Written by a model; you decide."
