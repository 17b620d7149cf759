"""The conversation with a model about some highlights of a document.

A highlight that a reply leaves out is asked about alone, and a chunk that is too long
is halved. A card that a check blocks goes back to the model once, with the reason. A
highlight whose replies stay unreadable gets no card until a person asks again.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress

from ankiforge.draft.client import Answer, Client
from ankiforge.draft.completion import TOO_LARGE
from ankiforge.draft.drafted import (
    BlockedDraft,
    DraftedHighlight,
    DraftedHighlights,
    Repair,
    all_failed,
    card_json,
    complaint,
    without_card,
)
from ankiforge.draft.prompt import Message, Prompt, Question, message, question, shape_of
from ankiforge.draft.refusals import TooLongError
from ankiforge.draft.reply import Item, drafts_of, is_empty, items, why_none
from ankiforge.draft.sendable import SendableTask, SendableText, ours
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.model import Draft, Highlight, Origin, Problem

UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
OVERSIZE = "the model's answer was too large"
EMPTY = "the model answered with an empty list of cards"
AGAIN = "ankiforge draft --again"


class Conversation:
    """Asks a model about the highlights of a chunk, as often as necessary. Thread-safe."""

    def __init__(
        self,
        client: Client,
        prompt: Prompt,
        repair: Repair | None,
    ) -> None:
        """Nothing is sent yet. `repair` returns what blocks a draft."""
        self._client = client
        self._prompt = prompt
        self._repair = repair

    def draft(self, chunk: SendableTask) -> DraftedHighlights:
        """Return the result for every highlight of a chunk.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        results = self._ask(chunk)
        for highlight in chunk.highlights:
            result = results[highlight.key]
            blocked = self._blocked(result.drafts, highlight)
            if blocked:
                alone = chunk.only(highlight)
                results[highlight.key] = self._repaired(alone, result, blocked)
        return results

    # --- questions --------------------------------------------------------------------

    def _ask(self, chunk: SendableTask, *, anew: bool = False) -> DraftedHighlights:
        """Ask about the highlights together, and about those that the reply leaves out alone.

        `anew`: ask even if a reply is kept.
        """
        try:
            return self._asked(chunk, anew=anew)
        except TooLongError as error:
            if len(chunk.highlights) < 2:
                return all_failed(chunk, error)
            return self._halved(chunk)
        except ItemError as error:
            return all_failed(chunk, error)

    def _asked(self, chunk: SendableTask, *, anew: bool) -> DraftedHighlights:
        """Return the drafts of each highlight; one without a readable reply is asked alone."""
        answers = self._client.ask(question(chunk, self._prompt), anew=anew)
        results: DraftedHighlights = {}
        unread = []
        for highlight, answer in zip(chunk.highlights, answers, strict=True):
            found_items = [] if refused(answer) else _items(answer)
            if found_items:
                results[highlight.key] = self._made(chunk, highlight, found_items, answer)
            else:
                unread.append((chunk.only(highlight), answer))
        for alone, answer in unread:
            if answer.of > 1:
                results |= self._ask(alone, anew=True)
            else:
                [highlight] = alone.highlights
                results[highlight.key] = self._unread(alone, answer)
        return results

    def _halved(self, chunk: SendableTask) -> DraftedHighlights:
        """Ask about each half of the highlights."""
        half = len(chunk.highlights) // 2
        first_half = chunk.only(*chunk.highlights[:half])
        second_half = chunk.only(*chunk.highlights[half:])
        first = self._ask(first_half)
        second = self._ask(second_half)
        return first | second

    def _ask_further(
        self,
        asked: Question,
        said: SendableText,
        wish: SendableText,
    ) -> Answer:
        """Ask again about one highlight, after what the model said and what is wrong with it."""
        exchange: tuple[Message, Message] = (
            message("assistant", said),
            message("user", wish),
        )
        [answer] = self._client.ask(asked.and_then(*exchange))
        return answer

    # --- answers ----------------------------------------------------------------------

    def _made(
        self,
        chunk: SendableTask,
        highlight: Highlight,
        found_items: list[Item],
        answer: Answer,
        before: str = "",
    ) -> DraftedHighlight:
        """Return the drafts in the items about a highlight, else why there are none.

        `before` introduces the reason.
        """
        origin = Origin(
            drafter="llm",
            model=self._client.settings.model,
            prompt=self._prompt.fingerprint,
            request=answer.request,
        )
        shape = shape_of(chunk.task)
        drafts = drafts_of(found_items, highlight, origin, shape)
        if drafts:
            return DraftedHighlight(drafts)
        return without_card(highlight.key, before + why_none(found_items, shape))

    def _unread(self, alone: SendableTask, answer: Answer) -> DraftedHighlight:
        """Ask again about one highlight whose reply could not be read."""
        [highlight] = alone.highlights
        refusal = refused(answer)
        if refusal:
            return without_card(highlight.key, refusal)
        if not answer.cut_off:
            if is_empty(answer.completion.content):
                return without_card(highlight.key, EMPTY)
            answer = self._ask_further(
                question(alone, self._prompt),
                said=alone.text(answer.completion.content[:2_000] or "(nothing)"),
                wish=ours("That could not be read. Answer with the JSON only."),
            )
        found_items = _items(answer)
        if found_items:
            return self._made(alone, highlight, found_items, answer)
        return given_up(highlight, answer)

    # --- repairs ----------------------------------------------------------------------

    def _blocked(
        self,
        drafts: Sequence[Draft],
        highlight: Highlight,
    ) -> list[BlockedDraft]:
        """Return the drafts that a check blocks, with the findings.

        Of candidates, only one has to pass.
        """
        if self._repair is None:
            return []
        blocked = []
        for draft in drafts:
            # it fails again where the draft is recorded
            with suppress(BugError), one_item():
                faults = self._repair(draft, highlight)
                if faults:
                    blocked.append((draft, faults))
        are_several = len(drafts) > 1
        are_candidates = are_several and drafts[0].intent == drafts[1].intent
        if are_candidates and len(blocked) < len(drafts):
            return []
        return blocked

    def _repaired(
        self,
        alone: SendableTask,
        result: DraftedHighlight,
        blocked: list[BlockedDraft],
    ) -> DraftedHighlight:
        """Send the blocked cards of one highlight back once; what is still blocked is shown so."""
        cards = ", ".join(card_json(draft) for draft, _ in blocked)
        # a finding may repeat the passage's surroundings
        complaint_sent = alone.text(complaint(blocked))
        wish = (
            "Draft better cards for this highlight, from its own words, or answer none."
            " Answer with the JSON only."
        )
        try:
            answer = self._ask_further(
                question(alone, self._prompt),
                said=alone.text(f'{{"cards": [{cards}]}}'),
                wish=SendableText(
                    f"These cards cannot be used:\n{complaint_sent}\n{wish}"
                ),
            )
        except ItemError:  # such as an exceeded budget: the drafts stay, blocked
            return result
        found_items = _items(answer)
        if not found_items:
            return result
        every_fault: dict[str, None] = {}
        for _, faults in blocked:
            every_fault.update(dict.fromkeys(faults))
        reasons = "; ".join(every_fault)[:200]
        before = f"a check blocked the card ({reasons}), and asked again: "
        [highlight] = alone.highlights
        made = self._made(alone, highlight, found_items, answer, before)
        blocked_ids = {id(draft) for draft, _ in blocked}
        kept = [draft for draft in result.drafts if id(draft) not in blocked_ids]
        return DraftedHighlight((*kept, *made.drafts)) if kept else made


def given_up(highlight: Highlight, answer: Answer) -> DraftedHighlight:
    """Return that a highlight has no card for good.

    Only a person asks again, and it is reported once.
    """
    if answer.cut_off:
        message = fault = what_is_unreadable(answer)
        hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
    else:
        message = UNREADABLE
        fault = what_is_unreadable(answer)
        hint = "try another model"
        if answer.completion.is_thought_alone:
            hint = "turn the model's thinking off, or try another model"
    reason = f"{message}; ask again with: {AGAIN} {shlex.quote(highlight.key)}"
    result = without_card(highlight.key, reason)
    if not answer.cached:
        hint = f"{hint}; then {AGAIN} ID, ids: ankiforge list --view new, or --no-card"
        result.problem = Problem("", fault, hint, once=True)
    return result


def what_is_unreadable(answer: Answer) -> str:
    """Return why an answer is of no use, with its beginning."""
    if answer.cut_off:
        return OVERSIZE if answer.completion.finish == TOO_LARGE else CUT_OFF
    content = " ".join(answer.completion.content.split())[:80]
    if content:
        return f"{UNREADABLE}: {content!r}"
    if answer.completion.is_thought_alone:
        return f"{UNREADABLE}: it has reasoning only"
    return f"{UNREADABLE}: it is empty"


def _items(answer: Answer) -> list[Item]:
    """Return the items about the highlight of an answer.

    None if they are the last of several, and the answer was cut off.
    """
    label = str(answer.label)
    every_label = tuple(str(number) for number in range(1, answer.of + 1))
    found_items = items(answer.completion.content, every_label)
    labels = list(dict.fromkeys(item.label for item in found_items))
    if answer.cut_off and len(labels) > 1 and labels[-1] == label:
        return []
    return [item for item in found_items if item.label == label]


def refused(answer: Answer) -> str:
    """Return why the model or the server refused to answer; "" if it did not."""
    if answer.completion.refusal:
        return f"the model refused: {' '.join(answer.completion.refusal.split())[:200]}"
    if answer.completion.finish == "content_filter":
        return "the server's content filter refused it"
    return ""
