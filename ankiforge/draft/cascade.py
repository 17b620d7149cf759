"""The way of small models: steps that each can be read.

The program proposes the words that a card could ask for (`propose`), best first. For each, until
one fits:

    proposed answer ─▶ the model writes its question ─▶ the model answers that from the passage

If its own answer is the proposed one, the question is a draft; else the next proposal is tried. If
none fits, the model has no card for the passage, and what was proposed stays as it is. A small
model chooses no answer and copies no quote: both it does badly.

Each step is a request of its own, kept by its content: a run that was killed asks nothing twice.
"""

from __future__ import annotations

from msgspec.structs import replace

from ankiforge.draft.cascade_prompt import CascadePrompt
from ankiforge.draft.cleaned import markdown, on_a_line
from ankiforge.draft.client import Answer, Client
from ankiforge.draft.conversation import given_up, refused
from ankiforge.draft.drafted import (
    DraftedHighlight,
    DraftedHighlights,
    Repair,
    all_failed,
    without_card,
)
from ankiforge.draft.evidence import find_evidence
from ankiforge.draft.fitting import fits, gives_away
from ankiforge.draft.instructions import Wish, requested, sided
from ankiforge.draft.loose_json import string_in
from ankiforge.draft.prompt import Question
from ankiforge.draft.propose import Propose
from ankiforge.draft.sendable import Sendable, SendableTask, SendableText
from ankiforge.errors import ItemError
from ankiforge.model import (
    CardKind,
    Draft,
    Highlight,
    HighlightKey,
    NoCard,
    Origin,
    Task,
    Value,
)
from ankiforge.text import cloze
from ankiforge.text.cloze import plain

NONE_FITS = "the model found no question to the proposed words that it could answer itself"
_QUESTION_NAMES = ("question", "front", "q")
_ANSWER_NAMES = ("answer", "back", "a")
_UNKNOWN_QUESTION = SendableText("?" * 80)
"""Stands for a question that is not written yet, in estimates."""


class Choice(Value):
    """Words that a card could ask for."""

    answer: str
    """As plain text."""
    written: str
    """In our Markdown."""


class Proposed(Value):
    """What is proposed for a passage."""

    choices: tuple[Choice, ...]
    """Best first."""
    sentence: str
    """The sentence or sentences in which they stand, as plain text."""


class Cascade:
    """Asks a small model for questions to the words that are proposed. Thread-safe."""

    def __init__(self, client: Client, prompt: CascadePrompt, blocks: Repair | None) -> None:
        """Nothing is sent yet. `blocks` returns what blocks a draft."""
        self._client = client
        self._prompt = prompt
        self._blocks = blocks
        # what is proposed for highlights that are not drafted yet
        self._proposals: dict[HighlightKey, Proposed | NoCard] = {}

    @staticmethod
    def suits(task: Task, highlight: Highlight) -> bool:
        """Return whether a highlight is drafted in this way.

        Not if a person asks for something else: with a comment, a remark or a colour.
        """
        asks = task.remark or task.beside or task.brief.wants != "card"
        return not asks and requested(highlight).wish is not Wish.QUESTION

    def proposes(self, alone: SendableTask) -> bool:
        """Return whether there are words to ask for in the one highlight of a task."""
        return isinstance(self._proposed(alone), Proposed)

    # --- what is proposed -------------------------------------------------------------

    def _proposed(self, alone: SendableTask) -> Proposed | NoCard:
        """Return what is proposed for the one highlight of a task, else why nothing is."""
        [highlight] = alone.highlights
        if highlight.key not in self._proposals:
            self._proposals[highlight.key] = self._proposal_of(alone, highlight)
        return self._proposals[highlight.key]

    def _proposal_of(self, alone: SendableTask, highlight: Highlight) -> Proposed | NoCard:
        kinds = alone.task.brief.kinds
        if kinds and CardKind.BASIC not in kinds:
            return NoCard(highlight.key, "its deck takes no questions", passing=True)
        # the deck's kinds are those of the card, not of the proposal
        brief = replace(alone.task.brief, kinds=())
        task = replace(alone.task, brief=brief)
        [result] = Propose(self._blocks).draft([task])
        if result.failed:
            return NoCard(highlight.key, result.failed[0][1], passing=True)
        if not result.drafts:
            return result.no_cards[0]
        [draft] = result.drafts
        choices = []
        for text in draft.gaps:
            [gap, *_] = cloze.gaps(text)
            answer = plain(gap.answer)
            if not alone.privacy.hides(answer, alone.task.document.key):
                choices.append(Choice(answer, gap.answer))
        return Proposed(tuple(choices), draft.quote)

    # --- requests ---------------------------------------------------------------------

    def unsent(self, alone: SendableTask) -> list[Question]:
        """Return the requests that drafting a highlight may still take, at most; send none."""
        [highlight] = alone.highlights
        shown = alone.passages[highlight.key]
        proposed = self._proposed(alone)
        if isinstance(proposed, NoCard):
            return []
        unsent: list[Question] = []
        for choice in proposed.choices:
            asked = self._ask_for_question(alone, proposed, choice)
            written = self._client.known(asked)
            if written is None:
                unknown = self._prompt.ask_for_answer(shown, _UNKNOWN_QUESTION)
                unsent += [asked, unknown]
                continue
            question = _question_in(written)
            if not self._is_usable(alone, proposed, choice, question, written):
                continue
            asked = self._prompt.ask_for_answer(shown, alone.text(question))
            own_answer = self._client.known(asked)
            if own_answer is None:
                unsent.append(asked)
            elif fits(_answer_in(own_answer), choice.answer):
                break
        return unsent

    def _ask_for_question(
        self, alone: SendableTask, proposed: Proposed, choice: Choice
    ) -> Question:
        shown = _shown(alone)
        sentence = alone.text(proposed.sentence)
        return self._prompt.ask_for_question(shown, sentence, alone.text(choice.answer))

    # --- drafting ---------------------------------------------------------------------

    def draft(self, alone: SendableTask) -> DraftedHighlights:
        """Return the result for the one highlight of a task.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        [highlight] = alone.highlights
        proposed = self._proposed(alone)
        del self._proposals[highlight.key]
        if isinstance(proposed, NoCard):
            return {highlight.key: DraftedHighlight(no_card=proposed)}
        try:
            return {highlight.key: self._drafted(alone, highlight, proposed)}
        except ItemError as error:
            return all_failed(alone, error)

    def _drafted(
        self, alone: SendableTask, highlight: Highlight, proposed: Proposed
    ) -> DraftedHighlight:
        unread: Answer | None = None
        is_any_read = False
        for choice in proposed.choices:
            [written] = self._client.ask(self._ask_for_question(alone, proposed, choice))
            refusal = refused(written)
            if refusal:
                return without_card(highlight.key, refusal)
            question = _question_in(written)
            if not question:
                unread = written
                continue
            is_any_read = True
            if not self._is_usable(alone, proposed, choice, question, written):
                continue
            own_question = self._prompt.ask_for_answer(_shown(alone), alone.text(question))
            [own_answer] = self._client.ask(own_question)
            if fits(_answer_in(own_answer), choice.answer):
                draft = self._draft(alone, proposed, choice, question, own_answer)
                return DraftedHighlight((draft,))
        if unread is not None and not is_any_read:
            return given_up(highlight, unread)
        return without_card(highlight.key, NONE_FITS)

    def _is_usable(
        self,
        alone: SendableTask,
        proposed: Proposed,
        choice: Choice,
        question: str,
        written: Answer,
    ) -> bool:
        """Return whether a question may become a card, if the model's own answer fits."""
        if not question.endswith(("?", "？")) or gives_away(question, choice.answer):
            return False
        if self._blocks is None:
            return True
        [highlight] = alone.highlights
        draft = self._draft(alone, proposed, choice, question, written)
        return not self._blocks(draft, highlight)

    def _draft(
        self,
        alone: SendableTask,
        proposed: Proposed,
        choice: Choice,
        question: str,
        reply: Answer,
    ) -> Draft:
        """Return the card; `reply` is the last one that it rests on."""
        [highlight] = alone.highlights
        evidence = find_evidence(proposed.sentence, [choice.answer], highlight)
        return Draft(
            highlight=highlight.key,
            kind=CardKind.BASIC,
            fields=sided(CardKind.BASIC, markdown(question), choice.written),
            quote=evidence.quote,
            answer=choice.answer,
            start=evidence.start,
            origin=Origin(
                drafter="llm",
                model=self._client.settings.model,
                prompt=self._prompt.fingerprint,
                request=reply.request,
            ),
        )


def _shown(alone: SendableTask) -> Sendable:
    [highlight] = alone.highlights
    return alone.passages[highlight.key]


def _question_in(reply: Answer) -> str:
    """Return the question in a reply; "" if there is none."""
    if reply.cut_off:
        return ""
    return on_a_line(string_in(reply.completion.content, _QUESTION_NAMES), 400)


def _answer_in(reply: Answer) -> str:
    """Return the answer in a reply; "" if there is none."""
    return own_answer_in(reply.completion.content)


def own_answer_in(content: str) -> str:
    """Return the model's own answer in the content of a reply; "" if there is none."""
    return on_a_line(string_in(content, _ANSWER_NAMES), 400)
