"""Draft with a small model, in steps that can each be read.

The program proposes the words that a card could ask for (`propose`), best first. For each, until
one fits:

    proposed answer ─▶ the model writes its question ─▶ the model answers that from the passage

If nothing speaks against the question (`objections`), and its own answer is the proposed one, it
is a draft; else the next proposal is tried. If none fits, the best of the other questions is: one
of which a check warns, or one that the model answers with other words of the sentence. If there is
none, the model has no card for the passage, and what was proposed stays as it is: a wrong question
is worse than none. A small model does badly when it has to choose an answer or copy a quote.

Each step is a request of its own, kept by its content: a run that was killed asks nothing twice.
What was asked, and why a question was dropped, is kept beside the replies (`attempts`).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from msgspec.structs import replace

from ankiforge.draft.asking import completed, fault_of_question
from ankiforge.draft.attempts import Attempt
from ankiforge.draft.cascade_prompt import CascadePrompt
from ankiforge.draft.cleaned import markdown, on_a_line
from ankiforge.draft.client import Answer, Client
from ankiforge.draft.conversation import given_up, refused, what_is_unreadable
from ankiforge.draft.drafted import (
    DraftedHighlight,
    DraftedHighlights,
    Repair,
    all_failed,
    without_card,
)
from ankiforge.draft.evidence import find_evidence
from ankiforge.draft.fitting import fits, gives_away, repeats
from ankiforge.draft.instructions import Wish, requested, sided
from ankiforge.draft.loose_json import string_in
from ankiforge.draft.objections import Place, objection
from ankiforge.draft.prompt import Question
from ankiforge.draft.propose import Propose
from ankiforge.draft.sendable import Sendable, SendableTask, SendableText
from ankiforge.draft.whole_answer import is_askable, whole_answer
from ankiforge.errors import ItemError
from ankiforge.language.recognition import language_of
from ankiforge.model import (
    CASCADE,
    CASCADE_OWN_WORDS,
    CardKind,
    Draft,
    Highlight,
    HighlightKey,
    NoCard,
    Origin,
    Span,
    Task,
    Value,
)
from ankiforge.text import cloze
from ankiforge.text.cloze import literal, plain
from ankiforge.text.fold import locate
from ankiforge.text.sentences import sentence_around

NONE_FITS = (
    "none of the model's questions about the proposed words is good enough for a card"
)
_OWN_WORDS = 1
"""The answer is other words of the sentence than the proposed ones."""
_WARNED = 2
"""A check warns of the card."""
_MOST_OF_SENTENCE = 0.85
Ask = Callable[[Question], Answer | None]
"""Returns the reply to a question; None if there is none, and it is only looked up."""
_QUESTION_NAMES = ("question", "front", "q")
_ANSWER_NAMES = ("answer", "back", "a")
_ENDS = " .,;:!?"
_GAP = "____"
"""Stands for the answer in the sentence that a question is asked for."""
_UNKNOWN_QUESTION = SendableText("?" * 80)
"""Stands for a question that is not written yet, in estimates."""
_NOT_ASKABLE = (
    "no question can ask for it: it is a list, one of several items, or cut from a word"
)
_OTHER_ANSWER = (
    "its own answer is neither the proposed one nor other words of the sentence"
)
_SAYS_ANSWER = "the question says its answer"
_ANOTHER_IS_BETTER = "another question is better"


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
    """The sentence or sentences in which they are, as plain text."""
    shown: SendableText
    """The same, without what is private."""


class _Asked(Value):
    """Proposed words that a question asks for."""

    highlight: Highlight
    sentence: str
    """The sentence or sentences in which they are, as plain text."""
    choice: Choice
    place: Place
    """Where they are in their sentence."""


class _Tried(Value):
    """What came of asking for proposed words."""

    attempt: Attempt
    draft: Draft | None = None
    """The card; None = the question was dropped."""
    doubts: int = 0
    """How doubtful the card is: 0 if its answer is the proposed one and no check warns of it,
    `_OWN_WORDS`, or `_WARNED`."""
    unread: Answer | None = None
    """The reply in which there is no question."""


class Cascade:
    """Asks a small model for questions to the words that are proposed. Thread-safe."""

    def __init__(
        self,
        client: Client,
        prompt: CascadePrompt,
        blocks: Repair | None,
        doubts: Repair | None = None,
    ) -> None:
        """Nothing is sent yet. `blocks` returns what blocks a draft, `doubts` what warns of it."""
        self._client = client
        self._prompt = prompt
        self._blocks = blocks
        self._doubts = doubts
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

    def _proposal_of(
        self, alone: SendableTask, highlight: Highlight
    ) -> Proposed | NoCard:
        kinds_of_deck = alone.task.brief.kinds
        if kinds_of_deck and CardKind.BASIC not in kinds_of_deck:
            return NoCard(highlight.key, "its deck takes no questions", passing=True)
        # the deck's kinds are those of the card, not of the proposal
        brief = replace(alone.task.brief, kinds=())
        task = replace(alone.task, brief=brief)
        [result] = Propose(self._blocks).draft([task])
        if result.failed:
            [(_, reason), *_] = result.failed
            return NoCard(highlight.key, reason, passing=True)
        if not result.drafts:
            return result.no_cards[0]

        [draft] = result.drafts
        # masked as a whole: with a gap in them, private words are not found
        shown = alone.text(draft.quote)
        document = alone.task.document
        choices = []
        for sentence_with_gap in draft.gaps:
            [gap, *_] = cloze.gaps(sentence_with_gap)
            answer = plain(gap.answer)
            is_private = alone.privacy.hides(answer, document.key)
            if not is_private and locate(answer, shown):
                choices.append(Choice(answer, gap.answer))
        return Proposed(tuple(choices), draft.quote, shown)

    # --- requests ---------------------------------------------------------------------

    def unsent(self, alone: SendableTask) -> list[Question]:
        """Return the requests that drafting a highlight may still take, at most; send none."""
        proposed = self._proposed(alone)
        if isinstance(proposed, NoCard):
            return []
        unsent: list[Question] = []

        def look_up(asked: Question) -> Answer | None:
            known = self._client.known(asked)
            if known is None:
                unsent.append(asked)
            return known

        self._drafted(alone, proposed, look_up)
        return unsent

    def _ask_for_question(
        self, alone: SendableTask, proposed: Proposed, choice: Choice
    ) -> Question:
        shown = _shown(alone)
        sentence = alone.text(_with_gap(proposed.shown, choice.answer))
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

        def ask(asked: Question) -> Answer:
            [answer] = self._client.ask(asked)
            return answer

        try:
            result, attempts = self._drafted(alone, proposed, ask)
        except ItemError as error:
            return all_failed(alone, error)
        self._client.keep_attempts(highlight, attempts)
        return {highlight.key: result}

    def _drafted(
        self, alone: SendableTask, proposed: Proposed, ask: Ask
    ) -> tuple[DraftedHighlight, list[Attempt]]:
        """Take the steps for a highlight, as far as `ask` has replies."""
        [highlight] = alone.highlights
        every_try: list[_Tried] = []
        refusal = ""
        for choice in proposed.choices:
            tried = self._tried(alone, proposed, choice, ask)
            if tried is None:
                continue
            every_try.append(tried)
            refusal = refused(tried.unread) if tried.unread else ""
            is_certain = tried.draft is not None and not tried.doubts
            if refusal or is_certain:
                break
        if refusal:
            result = without_card(highlight.key, refusal)
        else:
            result = _best_of(highlight, every_try)

        attempts = []
        for tried in every_try:
            attempt = tried.attempt
            if tried.draft and tried.draft not in result.drafts:
                attempt = replace(attempt, dropped=_ANOTHER_IS_BETTER)
            attempts.append(attempt)
        return result, attempts

    def _tried(
        self, alone: SendableTask, proposed: Proposed, choice: Choice, ask: Ask
    ) -> _Tried | None:
        """Let the model ask for proposed words; None if `ask` has no reply."""
        [highlight] = alone.highlights
        attempt = Attempt(proposed=choice.answer)
        place = _place_of(highlight, proposed, choice)
        if place is None:
            return _Tried(replace(attempt, dropped=_NOT_ASKABLE))

        # first request: a question to the proposed words
        shown = alone.passages[highlight.key]
        written = ask(self._ask_for_question(alone, proposed, choice))
        if written is None:
            # an estimate counts the second request, too
            ask(self._prompt.ask_for_answer(shown, _UNKNOWN_QUESTION))
            return None
        read_by_model = _read_by_model(shown)
        question = completed(_question_in(written), read_by_model)
        refusal = refused(written)
        if refusal or not question:
            reason = refusal or what_is_unreadable(written)
            return _Tried(replace(attempt, dropped=reason), unread=written)
        attempt = replace(attempt, question=question)
        fault = fault_of_question(question, read_by_model)
        if fault:
            return _Tried(replace(attempt, dropped=fault))

        # second request: the model's own answer to its question
        replied = ask(self._prompt.ask_for_answer(shown, alone.text(question)))
        if replied is None:
            return None
        attempt = replace(attempt, own_answer=_answer_in(replied))
        asked = _Asked(highlight, proposed.sentence, choice, place)
        return self._judged(asked, attempt, replied)

    def _judged(self, asked: _Asked, attempt: Attempt, replied: Answer) -> _Tried:
        """Return the card of a question and the model's own answer to it, or why it is none."""
        question = attempt.question
        answers_as_proposed = fits(attempt.own_answer, asked.choice.answer)
        if answers_as_proposed:
            place = _with_whole_answer(asked, question)
        else:
            place = _at_own_words(asked.place, attempt.own_answer)
        why_not = _what_speaks_against(question, place)
        if why_not:
            return _Tried(replace(attempt, dropped=why_not))

        origin = self._origin(replied, own_words=not answers_as_proposed)
        draft = _card(asked, question, place.answer, origin)
        faults = self._blocks(draft, asked.highlight) if self._blocks else ()
        if faults:
            why_not = f"a check blocks the card: {faults[0]}"
            return _Tried(replace(attempt, dropped=why_not))

        doubts = 0 if answers_as_proposed else _OWN_WORDS
        if self._doubts is not None and self._doubts(draft, asked.highlight):
            doubts = _WARNED
        return _Tried(attempt, draft, doubts)

    def _origin(self, replied: Answer, *, own_words: bool) -> Origin:
        """Return where a card comes from, and whether its answer is in the model's own words."""
        prompt = self._prompt.fingerprint
        if own_words:
            prompt = prompt.replace(CASCADE, CASCADE_OWN_WORDS, 1)
        return Origin(
            drafter="llm",
            model=self._client.settings.model,
            prompt=prompt,
            request=replied.request,
        )


def _card(asked: _Asked, question: str, answer: str, origin: Origin) -> Draft:
    """Return the card with a question and an answer, which is given as plain text."""
    choice = asked.choice
    back = choice.written if answer == choice.answer else literal(answer)
    evidence = find_evidence(asked.sentence, [answer], asked.highlight)
    return Draft(
        highlight=asked.highlight.key,
        kind=CardKind.BASIC,
        fields=sided(CardKind.BASIC, markdown(question), back),
        quote=evidence.quote,
        answer=answer,
        start=evidence.start,
        origin=origin,
    )


def _what_speaks_against(question: str, place: Place) -> str:
    """Return why a question and the answer at a place make no card; "" if nothing does."""
    answer = place.answer
    if not answer:
        return _OTHER_ANSWER
    if gives_away(question, answer) or _echoes(question, answer):
        return _SAYS_ANSWER
    return objection(question, place)


def _best_of(highlight: Highlight, every_try: list[_Tried]) -> DraftedHighlight:
    """Return the least doubtful card, else why there is none."""
    with_card = [tried for tried in every_try if tried.draft]
    if with_card:
        best = min(with_card, key=attrgetter("doubts"))
        assert best.draft
        return DraftedHighlight((best.draft,))
    unread = [tried.unread for tried in every_try if tried.unread]
    is_any_read = any(tried.attempt.question for tried in every_try)
    if unread and not is_any_read:
        return given_up(highlight, unread[-1])
    return without_card(highlight.key, NONE_FITS)


def _shown(alone: SendableTask) -> Sendable:
    [highlight] = alone.highlights
    return alone.passages[highlight.key]


def _read_by_model(shown: Sendable) -> str:
    """Return what the model knew of a passage when it wrote a question."""
    return f"{shown.title} {shown.heading} {shown.around or shown.marked}"


def _with_gap(sentence: str, answer: str) -> str:
    """Return a sentence with a gap instead of an answer, if it has that answer."""
    span = locate(answer, sentence)
    if span is None:
        return sentence
    start, end = span
    return f"{sentence[:start]}{_GAP}{sentence[end:]}"


def _place_of(highlight: Highlight, proposed: Proposed, choice: Choice) -> Place | None:
    """Return where proposed words are; None if no question can ask for them."""
    text = proposed.sentence
    span_in_text = locate(choice.answer, text)
    if span_in_text is None:
        return None
    start, end = sentence_around(text, *span_in_text)
    sentence = text[start:end]
    span = (span_in_text[0] - start, span_in_text[1] - start)
    language = language_of(highlight.nearby, text)
    if not is_askable(sentence, span, language):
        return None
    at = locate(text, highlight.nearby)
    return Place(
        sentence=sentence,
        span=span,
        marked=highlight.exact,
        antecedent=text[:start],
        before=highlight.nearby[: at[0]] if at else "",
        named=f"{highlight.document.title} {highlight.heading}",
        language=language,
    )


def _with_whole_answer(asked: _Asked, question: str) -> Place:
    """Return the place of proposed words, extended by what else belongs to the answer.

    It stays as it is if exactly these words were marked, or if they have markup, which would
    be lost.
    """
    place = asked.place
    has_markup = asked.choice.written != literal(asked.choice.answer)
    if has_markup or place.marked.strip() == place.answer:
        return place
    span = whole_answer(place.sentence, place.span, question, place.language)
    return replace(place, span=span)


def _at_own_words(place: Place, own_answer: str) -> Place:
    """Return a place with the words of its sentence that are a model's own answer.

    It has no words if they are no answer.
    """
    span = locate(own_answer.strip(_ENDS), place.sentence)
    if span is None or not _is_answer(place.sentence, span):
        return replace(place, span=(0, 0))
    return replace(place, span=span)


def _echoes(question: str, answer: str) -> bool:
    """Return whether an answer of several words says mostly what its question said."""
    return len(answer.split()) > 1 and repeats(question, answer)


def _is_answer(sentence: str, span: Span) -> bool:
    """Return whether words of a sentence can be an answer: not cut from a word, nor most of it."""
    start, end = span
    is_cut = sentence[start - 1 : start].isalnum() or sentence[end : end + 1].isalnum()
    is_all = end - start > _MOST_OF_SENTENCE * len(sentence)
    return not (is_cut or is_all)


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
