"""The conversation with a model about some highlights of a document.

A highlight that a reply leaves out is asked about alone, and a chunk that is too long
is halved. A card that a check blocks goes back to the model once, with the reason. A
highlight whose replies stay unreadable gets no card until a person asks again.
"""

from __future__ import annotations

import shlex
from contextlib import suppress

from msgspec.structs import replace

from ankiforge.draft.client import Client, ModelAnswer, TooLongError
from ankiforge.draft.prompt import Prompt, message, question, shape_of
from ankiforge.draft.reply import (
    BlockedDraft,
    Repair,
    ReplyItem,
    all_failed,
    card_json,
    complaint,
    drafts_of,
    is_empty,
    items,
    not_drafted,
    without_drafts,
)
from ankiforge.draft.sendable import SendableTask, SendableText, ours
from ankiforge.errors import BugError, ItemError, one_item
from ankiforge.model import Drafted, Highlight, Origin

UNREADABLE = "the model's answer could not be read"
CUT_OFF = "the model's answer was cut off before its first card"
NOTHING = "the model answered nothing"
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
        """Nothing is sent yet. `repair` returns the findings that block a draft."""
        self._client = client
        self._prompt = prompt
        self._repair = repair

    def draft(self, chunk: SendableTask) -> list[Drafted]:
        """Return the result for every highlight of a chunk, in their order.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        by_key = {result.highlight.key: result for result in self._ask(chunk)}
        results = [by_key[highlight.key] for highlight in chunk.highlights]
        if self._repair is None:
            return results
        for place, result in enumerate(results):
            highlight = result.highlight
            drafts = result.drafts
            blocked: list[BlockedDraft] = []
            for draft in drafts:
                # it fails again where the draft is recorded
                with suppress(BugError), one_item():
                    faults = self._repair(draft, highlight)
                    if faults:
                        blocked.append((draft, faults))
            # of candidates, only one has to pass
            are_candidates = len(drafts) > 1 and drafts[0].intent == drafts[1].intent
            if blocked and not (are_candidates and len(blocked) < len(drafts)):
                alone = chunk.only(highlight)
                results[place] = self._repaired(alone, result, blocked)
        return results

    def _ask(self, chunk: SendableTask, *, anew: bool = False) -> list[Drafted]:
        """Ask about the highlights together, and about those that the reply leaves out alone.

        `anew`: ask even if a reply is kept.
        """
        highlights = chunk.highlights
        try:
            answers = self._client.ask(question(chunk, self._prompt), anew=anew)
        except TooLongError as error:
            if len(highlights) < 2:
                return all_failed(chunk, error)
            half = len(highlights) // 2
            first = self._ask(chunk.only(*highlights[:half]))
            return first + self._ask(chunk.only(*highlights[half:]))
        except ItemError as error:
            return all_failed(chunk, error)
        results: list[Drafted] = []
        unread = []
        for highlight, answer in zip(highlights, answers, strict=True):
            found_items = [] if _refused(answer) else _items(answer)
            alone = chunk.only(highlight)
            if found_items:
                results.append(self._made(alone, found_items, answer))
            else:
                unread.append((alone, answer))
        for alone, answer in unread:
            if answer.of > 1:
                results += self._ask(alone, anew=True)
                continue
            try:
                results.append(self._unread(alone, answer))
            except ItemError as error:
                results += all_failed(alone, error)
        return results

    def _unread(self, alone: SendableTask, answer: ModelAnswer) -> Drafted:
        """Ask again about one highlight whose reply could not be read."""
        [highlight] = alone.highlights
        refusal = _refused(answer)
        if refusal:
            return Drafted(highlight, reason=refusal)
        if not (answer.cut_off or _is_nothing(answer)):
            if is_empty(answer.completion.content):
                return Drafted(highlight, reason=EMPTY)
            answer = self._ask_further(
                alone,
                said=alone.text(answer.completion.content[:2_000] or "(nothing)"),
                wish=ours("That could not be read. Answer with the JSON only."),
            )
        found_items = _items(answer)
        if found_items:
            return self._made(alone, found_items, answer)
        return _given_up(highlight, answer)

    def _repaired(
        self,
        alone: SendableTask,
        result: Drafted,
        blocked: list[BlockedDraft],
    ) -> Drafted:
        """Send the blocked cards of one highlight back once; those still blocked stay so."""
        cards = ", ".join(card_json(draft) for draft, _ in blocked)
        # a finding may repeat the passage's surroundings
        complaint_sent = alone.text(complaint(blocked))
        wish = (
            f"These cards cannot be used:\n{complaint_sent}\n"
            "Draft better cards for this highlight, from its own words, or answer none."
            " Answer with the JSON only."
        )
        try:
            answer = self._ask_further(
                alone,
                said=alone.text(f'{{"cards": [{cards}]}}'),
                wish=SendableText(wish),
            )
        except ItemError as error:  # such as an exceeded budget: the drafts stay, blocked
            [failed] = all_failed(alone, error)
            return replace(result, problem=failed.problem)  # it is asked for again
        found_items = _items(answer)
        if not found_items:
            return result
        every_fault: dict[str, None] = {}
        for _, faults in blocked:
            every_fault.update(dict.fromkeys(faults))
        reasons = "; ".join(every_fault)[:200]
        before = f"a check blocked the card ({reasons}), and asked again: "
        made = self._made(alone, found_items, answer, before)
        blocked_ids = {id(draft) for draft, _ in blocked}
        kept = [draft for draft in result.drafts if id(draft) not in blocked_ids]
        return Drafted(result.highlight, (*kept, *made.drafts)) if kept else made

    def _ask_further(
        self, alone: SendableTask, said: SendableText, wish: SendableText
    ) -> ModelAnswer:
        """Ask again about one highlight, after the answer of the model and a complaint."""
        asked = question(alone, self._prompt)
        exchange = (message("assistant", said), message("user", wish))
        [answer] = self._client.ask(asked.and_then(*exchange))
        return answer

    def _made(
        self,
        alone: SendableTask,
        found_items: list[ReplyItem],
        answer: ModelAnswer,
        before: str = "",
    ) -> Drafted:
        """Return the drafts in the items about one highlight, else why there are none.

        `before` introduces the reason.
        """
        [highlight] = alone.highlights
        origin = Origin(
            drafter="llm",
            model=self._client.settings.model,
            prompt=self._prompt.fingerprint,
            request=answer.request,
        )
        shape = shape_of(alone.task)
        drafts = drafts_of(found_items, highlight, origin, shape)
        if drafts:
            return Drafted(highlight, drafts)
        return without_drafts(highlight, found_items, shape, before)


def _given_up(highlight: Highlight, answer: ModelAnswer) -> Drafted:
    """Return the outcome for a highlight that gets no card, because its answer is unreadable.

    Only a person asks again, and it is reported once.
    """
    fault = _what_is_unreadable(answer)
    message = fault.partition(":")[0]
    hint = "try another model"
    if answer.cut_off:
        hint = "raise max_completion_tokens in llm.extra_body, or turn the model's thinking off"
    elif answer.completion.is_thought_alone:
        hint = "turn the model's thinking off, or try another model"
    if answer.cut_off or _is_nothing(answer):
        hint += "; or the context window is full: load the model with a larger one"
    reason = f"{message}; ask again with: {AGAIN} {shlex.quote(highlight.key)}"
    problem = None
    if not answer.cached:
        hint = f"{hint}; then {AGAIN} ID, ids: ankiforge list --view new, or --no-card"
        problem = not_drafted(highlight.document, fault, hint, once=True)
    return Drafted(highlight, reason=reason, problem=problem)


def _what_is_unreadable(answer: ModelAnswer) -> str:
    """Return why an answer is of no use, with its beginning."""
    if answer.cut_off:
        return CUT_OFF
    content = " ".join(answer.completion.content.split())[:80]
    if content:
        return f"{UNREADABLE}: {content!r}"
    if answer.completion.is_thought_alone:
        return f"{UNREADABLE}: it has reasoning only"
    return NOTHING


def _is_nothing(answer: ModelAnswer) -> bool:
    """Return whether a model said nothing at all; asked again, it would say the same."""
    completion = answer.completion
    return not (completion.content.strip() or completion.is_thought_alone)


def _items(answer: ModelAnswer) -> list[ReplyItem]:
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


def _refused(answer: ModelAnswer) -> str:
    """Return why the model or the server refused to answer; "" if it did not."""
    if answer.completion.refusal:
        return f"the model refused: {' '.join(answer.completion.refusal.split())[:200]}"
    if answer.completion.finish == "content_filter":
        return "the server's content filter refused it"
    return ""
