"""The view of a card, shared by lists, the terminal, the web page, JSON output and agents.

The card may be a proposal, a pending draft, a decided card, or a preview of what the user
types.
"""

from __future__ import annotations

from msgspec import to_builtins

from ankiforge.check import RULES, Rule
from ankiforge.model import (
    AGENT_DRAFTER,
    CHAT_MODEL,
    CardKind,
    Draft,
    Fields,
    Finding,
    Json,
    LocalCard,
    NoteType,
    PendingDraft,
    RemarkKind,
    Severity,
    ShownCard,
    Strings,
    Value,
)
from ankiforge.review.items import to_sentence
from ankiforge.text import occlusion, to_one_line
from ankiforge.text.cloze import (
    format_cloze_answers,
    format_table_rows,
    to_plain_text,
    to_terminal_text,
)


class CardView(Value):
    """The visible content of a proposal, a draft, a card or a preview."""

    card: ShownCard
    id: str
    """The id for commands such as `accept`, or "" for a proposal or preview."""
    state: str
    """The state, such as "proposed", "waiting", "blocked", "revision", "accepted" or "in Anki"."""
    rows: Fields
    """The fields that aren't empty, as Markdown. Masks are replaced by their labels."""
    front: str
    """The question as Markdown, or the text with its cloze deletions."""
    answer: str
    """The answers as plain text on one line."""
    findings: tuple[Finding, ...]
    pending_reason: str
    """The reason why a draft is pending, as a sentence, or "" for cards and proposals."""

    @property
    def question(self) -> str:
        """The question as plain text on one line, with the answers of gaps in brackets."""
        return self.format_question("[", "]")

    def format_question(self, opening: str, closing: str) -> str:
        """Format the question on one line, with the answers of gaps between two strings."""
        text = "\n".join(format_table_rows(self.front)) or self.front
        return to_one_line(to_terminal_text(text, opening, closing))

    @property
    def warning(self) -> str:
        """The main reason to look at a draft more closely, with advice, or ""."""
        return find_main_warning(self.card) if isinstance(self.card, Draft) else ""

    @property
    def gaps(self) -> Strings:
        """The blanked-out words of each candidate gap of a proposal as plain text, best first."""
        gaps = self.card.gaps if isinstance(self.card, Draft) else ()
        return tuple(to_plain_text(format_cloze_answers(text)) for text in gaps)

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
        draft = card.revision if isinstance(card, LocalCard) else card
        if not isinstance(draft, PendingDraft):
            is_undoable = isinstance(card, LocalCard) and not card.is_live
            return (f"undo {self.id[:10]}",) if is_undoable else ()
        id = draft.id[:10]
        if draft.keeps_text:
            fields = draft.note_type.required_fields
            return (
                f"accept {id}   the card stays as it is",
                f'edit {id} --field {fields[-1]} "…"',
                "draft   a chat rewords it",
                f"reject {id}   the card goes",
            )
        force = "--force " if draft.is_blocked else ""
        gap = " --gap 1" if len(draft.gaps) > 1 else ""
        effect = "   the card gets these words" if draft.revised_guid else ""
        commands = [f"accept {force}{id}{gap}{effect}"]
        if draft.revised_guid and not draft.is_hand_written:
            commands.append(f"accept --another {force}{id}{gap}   another card")
        field = draft.note_type.content_fields[0]
        is_figure = draft.kind is CardKind.OCCLUSION
        commands.append("review" if is_figure else f'edit {id} --field {field} "…"')
        return (*commands, f"reject {id}")

    def to_short_json(self) -> Json:
        """Convert the view to the JSON of a card in search results."""
        return {
            "id": self.id or None,
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
            "waits": self.pending_reason,
        }


def view_card(card: ShownCard) -> CardView:
    """Build the view of a proposal, draft, card or preview."""
    fields = dict(card.fields)
    if card.kind is CardKind.OCCLUSION:
        labels = " · ".join(occlusion.list_labels(occlusion.get_masks(fields)))
        front = labels or f"Figure in {card.highlight.document.title}"
        answer = ""
    elif card.note_type is NoteType.CLOZE:
        front = fields.get("Text", "")
        answer = format_cloze_answers(front)
    else:
        front = fields.get("Front", "")
        answer = to_plain_text(fields.get("Back", ""))
    stored = card if isinstance(card, PendingDraft | LocalCard) else None
    return CardView(
        card,
        id=stored.id if stored else "",
        state=stored.state if stored else "proposed",
        rows=tuple(
            row for row in occlusion.replace_masks_with_labels(card.fields) if row[1]
        ),
        front=front,
        answer=to_one_line(answer),
        findings=card.findings if isinstance(card, Draft | LocalCard) else (),
        pending_reason=explain_pending(card) if isinstance(card, PendingDraft) else "",
    )


# --- the reasons why a draft is pending -------------------------------------------------

_EVIDENT_REMARKS = frozenset(
    (
        *(RemarkKind.MOVED, RemarkKind.REVISION, RemarkKind.PASSAGE),
        *(RemarkKind.TAKEN_BACK, RemarkKind.FIGURE),
    )
)
"""The remarks that the page shows in other ways, such as the card next to its new text."""


def list_findings(draft: Draft) -> Strings:
    """Return the errors and warnings of the checks as sentences."""
    return tuple(
        to_sentence(finding.message)
        for finding in draft.findings
        if finding.severity is not Severity.INFO
    )


def list_remarks(draft: Draft) -> Strings:
    """Return the remarks about a draft as sentences, except for `_EVIDENT_REMARKS`."""
    if not isinstance(draft, PendingDraft):
        return ()
    near = f": “{draft.similar_removed_sentence}”"
    sentences = [
        to_sentence(f"{remark.kind}{near if remark.kind is RemarkKind.NEAR else ''}")
        for remark in draft.remarks
        if remark.kind not in _EVIDENT_REMARKS
    ]
    return tuple(dict.fromkeys(sentences))


def find_main_warning(draft: Draft) -> str:
    """Return the main reason to look at a draft more closely, with advice, or "".

    A finding that blocks the draft comes first, then a remark about an earlier decision by the
    user, and then a warning.
    """
    remarks = list_remarks(draft)
    broken_rule = _find_main_broken_rule(draft)
    if remarks and not draft.is_blocked:
        return remarks[-1]
    if broken_rule is None:
        return (*list_findings(draft), *remarks, "")[0]
    rule, finding = broken_rule
    # the short message does without details such as numbers
    is_short = rule.limit or rule.group == "form"
    message = rule.short_message if is_short else finding.message
    return f"{to_sentence(message)} {rule.advice}"


def has_wording_problem(draft: Draft) -> bool:
    """Return whether a draft's main problem is its wording, which the user can edit."""
    broken_rule = _find_main_broken_rule(draft)
    return broken_rule is not None and broken_rule[0].group in ("structure", "wording")


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

    The reason is the draft's main warning, an obvious remark, or who made the draft.
    """
    warning = find_main_warning(draft)
    if warning:
        return warning
    for remark in draft.remarks:
        # drafts that aren't hand-written are pending even if no acceptance was undone
        is_undone = remark.kind is RemarkKind.TAKEN_BACK
        if remark.kind in _EVIDENT_REMARKS and (draft.is_hand_written or not is_undone):
            return to_sentence(remark.kind)
    drafter = draft.origin.drafter
    if drafter.startswith("rules"):
        is_mark = not draft.is_user_card
        return (
            "Made of your highlight; you decide."
            if is_mark
            else "Your settings make it wait."
        )
    maker = f"Drafted by a {'chat' if draft.origin.model == CHAT_MODEL else 'model'}"
    if drafter == AGENT_DRAFTER:
        maker = "Proposed by an agent"
    return f"{maker}; you decide."
