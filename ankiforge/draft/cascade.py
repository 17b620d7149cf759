"""Draft with a small model, in steps that can each be read.

`prompts/cascade.md` has four parts, separated by lines `---`: the rules, which are the system
message; the passage; the instruction to write a question; the one to answer it. Both requests
about a passage begin with the same rules and the same passage, so that a server that keeps what it
has read reads them once.

The program proposes gaps of each fact of a passage (`propose`), best first. For each gap of a
fact, until a question stands:

    gap ─▶ the model writes the question to it ─▶ the model answers that from the passage

If its own answer is the gap, but for words that the question says, or other words of the same
sentence, and no check blocks the card, the question is a draft, which stands behind the gaps in
their offer; else the next gap is tried. A small model does badly when it has to choose an answer or
copy a quote.

Each step is a request of its own, kept by its content: a run that was killed asks nothing twice.
What was asked, and why a question was dropped, is kept beside the replies (`attempts`).

Tested by `tests/draft/test_cases.py` and `test_cascade.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from ankiforge.draft.client import Attempt, Client, ModelAnswer
from ankiforge.draft.conversation import given_up, refused, what_is_unreadable
from ankiforge.draft.instructions import Wish, requested, sided
from ankiforge.draft.prompt import (
    MOST_FACTS,
    ModelRequest,
    data,
    exactly,
    filled,
    message,
    read_prompt,
)
from ankiforge.draft.propose import propose
from ankiforge.draft.reply import Repair, all_failed, markdown, on_a_line, string_in
from ankiforge.draft.sendable import Sendable, SendableTask, SendableText, ours
from ankiforge.errors import ConfigError, ItemError
from ankiforge.language.lexicon import NAMES, listed
from ankiforge.model import (
    CASCADE,
    Card,
    CardKind,
    Drafted,
    Highlight,
    HighlightKey,
    Json,
    Origin,
    Task,
    Value,
    h16,
)
from ankiforge.text import cloze
from ankiforge.text.cloze import plain
from ankiforge.text.fold import for_comparing, locate

LONGEST_QUESTION = 200
LONGEST_ANSWER = 160
"""The characters of what the model may write, where a server follows the schema."""
_WINDOW = 900
"""The characters of a paragraph that a small model reads."""
_BESIDE = 400
"""How many characters of them are before the marked words."""
_PARTS = ("rules", "passage", "question", "answer")
_VARIABLES: Mapping[str, frozenset[str]] = {
    "rules": frozenset(),
    "passage": frozenset(("heading", "text")),
    "question": frozenset(("language", "sentence", "answer")),
    "answer": frozenset(("question",)),
}
_NEEDED = {"text", "answer", "question"}
_VARIABLE = re.compile(r"\{\{[ \t]*(\w+)[ \t]*\}\}")


class CascadePrompt(Value):
    """The checked prompt of the cascade."""

    rules: str
    passage: str
    question: str
    answer: str

    @property
    def fingerprint(self) -> str:
        """Return `cascade@` and a hash of eight hex digits, which is stored with every draft."""
        return (
            f"{CASCADE}@{h16(self.rules, self.passage, self.question, self.answer)[:8]}"
        )

    def ask_for_question(
        self, shown: Sendable, sentence: SendableText, answer: SendableText
    ) -> ModelRequest:
        """Return the demand to write the question to an answer.

        Args:
            shown: the passage.
            sentence: the sentence in which the answer is.
            answer: the answer.
        """
        # the prompt is in English; without this, small models ask in English of a German passage
        name = shown.language
        language = ""
        if name in NAMES and name != "en":
            language = f" in {NAMES[name]}"
        values = {
            "language": ours(language),
            "sentence": data(sentence),
            "answer": data(answer),
        }
        demand = filled(self.question, values)
        return self._demand(shown, demand, reply_schema("question", LONGEST_QUESTION))

    def ask_for_answer(self, shown: Sendable, question: SendableText) -> ModelRequest:
        """Return the demand to answer a question from the passage."""
        demand = filled(self.answer, {"question": data(question)})
        return self._demand(shown, demand, reply_schema("answer", LONGEST_ANSWER))

    def _demand(
        self, shown: Sendable, demand: SendableText, schema: Json
    ) -> ModelRequest:
        # the paragraph; of a long one, the part around the mark
        around = shown.around or shown.marked
        if len(around) > _WINDOW:
            span = locate(shown.marked, around)
            start = max(0, span[0] - _BESIDE) if span else 0
            end = max(start + _WINDOW, span[1] if span else 0)
            around = SendableText(around[start:end])
        values = {"heading": data(shown.heading), "text": data(around)}
        passage = filled(self.passage, values)
        messages = (
            message("system", ours(self.rules.strip())),
            message("user", SendableText(f"{passage}\n{demand}")),
        )
        return ModelRequest(messages=messages, schema=schema, prompt=self.fingerprint)


def reply_schema(name: str, longest: int) -> Json:
    """Return the JSON schema of an object with one string."""
    return exactly({name: {"type": "string", "maxLength": longest}})


# --- the file -------------------------------------------------------------------------


def load_cascade(workspace: Path | None = None) -> CascadePrompt:
    """Load the prompt from the `prompts/` of a workspace, else the shipped one.

    Raises:
        ConfigError: the file is invalid.
        OwnFileError: the workspace's file is a link, no regular file, or too large.
    """
    text, path = read_prompt(CASCADE, workspace)
    parts = re.split(r"(?m)^---[ \t]*\n", text)
    if len(parts) != len(_PARTS):
        message = f"{path}: it has {len(parts)} parts separated by lines `---`"
        hint = (
            "it needs four: the rules, the passage, the instruction to write a question, and"
            " the one to answer it"
        )
        raise ConfigError(message, hint=hint)
    by_name = dict(zip(_PARTS, parts, strict=True))
    used = set[str]()
    for name, part in by_name.items():
        variables = set(_VARIABLE.findall(part))
        unknown = sorted(variables - _VARIABLES[name])
        if unknown:
            known = ", ".join(sorted(_VARIABLES[name])) or "none"
            message = f"{path}: {{{{ {unknown[0]} }}}} is not a placeholder of its {name}"
            raise ConfigError(message, hint=f"known there: {known}")
        used |= variables
    for name in sorted(_NEEDED - used):
        placeholder = f"{{{{ {name} }}}}"
        raise ConfigError(f"{path}: {placeholder} is missing", hint=f"add {placeholder}")
    return CascadePrompt(**by_name)


# === cascade ==========================================================================

NONE_FITS = (
    "none of the model's questions about the proposed words is good enough for a card"
)
Ask = Callable[[ModelRequest], ModelAnswer | None]
"""Returns the reply to a question; None if there is none, and it is only looked up."""
_QUESTION_NAMES = ("question", "front", "q")
_ANSWER_NAMES = ("answer", "back", "a")
_LONGEST = 400
"""The characters of a question or an answer that are read."""
_MOST_WORDS = 12
"""Those of an answer that is not the gap."""
_GAP = "____"
"""Stands for the answer in the sentence that a question is asked for."""
_UNKNOWN_QUESTION = SendableText("?" * 80)
"""Stands for a question that is not written yet, in estimates."""
_ARTICLES = listed("cues", "articles")
_SIGNS = " .,;:!?¿"


class ProposedGaps(Value):
    """The gaps that are proposed for a fact of a passage."""

    answers: tuple[str, ...]
    """Their words in our Markdown, best first."""
    quote: str
    """The sentence or sentences in which they are."""
    start: int
    """Where they begin in the mark."""
    shown: SendableText
    """The quote without what is private."""


class Cascade:
    """Asks a small model for questions to the words that are proposed. Thread-safe."""

    def __init__(
        self, client: Client, prompt: CascadePrompt, blocks: Repair | None
    ) -> None:
        """Nothing is sent yet. `blocks` returns the findings that block a draft."""
        self._client = client
        self._prompt = prompt
        self._blocks = blocks
        # the proposals for highlights that are not drafted yet
        self._proposals: dict[HighlightKey, tuple[ProposedGaps, ...] | Drafted] = {}

    @staticmethod
    def suits(task: Task, highlight: Highlight) -> bool:
        """Return whether a highlight is drafted in this way.

        Not if a person asks for something else: with a comment, a remark or a colour.
        """
        asks = task.remark or task.beside or task.brief.wants != "card"
        return not asks and requested(highlight).wish is not Wish.QUESTION

    def proposes(self, alone: SendableTask) -> bool:
        """Return whether there are words to ask for in the one highlight of a task."""
        return not isinstance(self._proposed(alone), Drafted)

    def unsent(self, alone: SendableTask) -> list[ModelRequest]:
        """Return the requests that drafting a highlight may still take, at most; send none."""
        proposed = self._proposed(alone)
        if isinstance(proposed, Drafted):
            return []
        unsent: list[ModelRequest] = []

        def look_up(asked: ModelRequest) -> ModelAnswer | None:
            known = self._client.known(asked)
            if known is None:
                unsent.append(asked)
            return known

        self._drafted(alone, proposed, look_up)
        return unsent

    def draft(self, alone: SendableTask) -> list[Drafted]:
        """Return the result for the one highlight of a task.

        Raises:
            ServiceError, UsageError: the run cannot go on.
        """
        [highlight] = alone.highlights
        proposed = self._proposed(alone)
        del self._proposals[highlight.key]
        if isinstance(proposed, Drafted):
            return [proposed]

        def ask(asked: ModelRequest) -> ModelAnswer:
            [answer] = self._client.ask(asked)
            return answer

        try:
            result, attempts = self._drafted(alone, proposed, ask)
        except ItemError as error:
            return all_failed(alone, error)
        self._client.keep_attempts(highlight, attempts)
        return [result]

    def _proposed(self, alone: SendableTask) -> tuple[ProposedGaps, ...] | Drafted:
        """Return the gaps of each fact of the one highlight of a task, else why there are none."""
        [highlight] = alone.highlights
        if highlight.key not in self._proposals:
            self._proposals[highlight.key] = self._proposals_of(alone, highlight)
        return self._proposals[highlight.key]

    def _proposals_of(
        self, alone: SendableTask, highlight: Highlight
    ) -> tuple[ProposedGaps, ...] | Drafted:
        kinds_of_deck = alone.task.brief.kinds
        if kinds_of_deck and CardKind.BASIC not in kinds_of_deck:
            why = "its deck takes no questions"
            return Drafted(highlight, reason=why, passing=True)
        # the deck's kinds are those of the card, not of the proposal
        brief = replace(alone.task.brief, kinds=())
        task = replace(alone.task, brief=brief)
        [result] = propose(task, self._blocks, unsure=True)
        if result.failed:
            return Drafted(highlight, reason=result.reason, passing=True)
        if not result.drafts:
            return result

        document = alone.task.document
        proposals = []
        for draft in result.drafts[:MOST_FACTS]:
            # masked as a whole: with a gap in them, private words are not found
            shown = alone.text(draft.quote)
            answers = []
            for sentence_with_gap in draft.gaps:
                [gap, *_] = cloze.gaps(sentence_with_gap)
                words = plain(gap.answer)
                if not alone.privacy.hides(words, document.key) and locate(words, shown):
                    answers.append(gap.answer)
            proposals.append(
                ProposedGaps(tuple(answers), draft.quote, draft.start, shown)
            )
        return tuple(proposals)

    def _drafted(
        self, alone: SendableTask, proposals: tuple[ProposedGaps, ...], ask: Ask
    ) -> tuple[Drafted, list[Attempt]]:
        """Take the steps for a highlight, as far as `ask` has replies."""
        [highlight] = alone.highlights
        drafts: list[Card] = []
        attempts: list[Attempt] = []
        unread: ModelAnswer | None = None
        reason = ""
        for fact in proposals:
            for answer in fact.answers:
                written = self._written(alone, fact, answer, ask)
                if written is None:
                    continue
                attempt = Attempt(proposed=plain(answer))
                reason = refused(written)
                if reason:
                    attempts.append(replace(attempt, dropped=reason))
                    break
                question = self._question_in(written, alone.passages[highlight.key])
                if not question:
                    unread = written
                    dropped = what_is_unreadable(written)
                    attempts.append(replace(attempt, dropped=dropped))
                    continue
                step = self._answered(alone, fact, answer, question, ask)
                if step is not None:
                    attempt, draft = step
                    attempts.append(attempt)
                    if draft is not None:
                        drafts.append(draft)
                        break
            if reason:
                break

        if drafts:
            return Drafted(highlight, tuple(drafts)), attempts
        if unread and not (reason or any(attempt.question for attempt in attempts)):
            return given_up(highlight, unread), attempts
        return Drafted(highlight, reason=reason or NONE_FITS), attempts

    def _written(
        self, alone: SendableTask, fact: ProposedGaps, answer: str, ask: Ask
    ) -> ModelAnswer | None:
        """Return the reply to the first request: the question to a gap."""
        [shown] = alone.passages.values()
        words = plain(answer)
        sentence = fact.shown
        span = locate(words, sentence)
        if span is not None:
            start, end = span
            sentence = SendableText(f"{sentence[:start]}{_GAP}{sentence[end:]}")
        written = ask(self._prompt.ask_for_question(shown, sentence, alone.text(words)))
        if written is None:  # an estimate counts the second request, too
            ask(self._prompt.ask_for_answer(shown, _UNKNOWN_QUESTION))
        return written

    def _question_in(self, written: ModelAnswer, shown: Sendable) -> str:
        """Return the question that a reply has; "" if it has none."""
        if written.cut_off:
            return ""
        content = written.completion.content
        question = on_a_line(string_in(content, _QUESTION_NAMES), _LONGEST)
        # small models forget the sign that opens a question in Spanish
        if question.endswith("?") and "¿" not in question and shown.language == "es":
            return f"¿{question}"
        return question

    def _answered(
        self,
        alone: SendableTask,
        fact: ProposedGaps,
        gap: str,
        question: str,
        ask: Ask,
    ) -> tuple[Attempt, Card | None] | None:
        """Take the second request, the model's own answer; return the card if that is the gap."""
        [highlight] = alone.highlights
        shown = alone.passages[highlight.key]
        replied = ask(self._prompt.ask_for_answer(shown, alone.text(question)))
        if replied is None:
            return None
        words = plain(gap)
        content = replied.completion.content
        own_answer = on_a_line(string_in(content, _ANSWER_NAMES), _LONGEST)
        attempt = Attempt(proposed=words, question=question, own_answer=own_answer)
        answered = _words_given(words, fact.shown, own_answer, question)
        if not answered:
            return replace(attempt, dropped="its own answer is another one"), None
        back = gap if answered == words else markdown(answered)
        draft = Card(
            key=highlight.key,
            kind=CardKind.BASIC,
            fields=sided(CardKind.BASIC, markdown(question), back),
            quote=fact.quote,
            answer=answered,
            start=fact.start,
            origin=Origin(
                drafter="llm",
                model=self._client.settings.model,
                prompt=self._prompt.fingerprint,
                request=replied.request,
            ),
        )
        faults = self._blocks(draft, highlight) if self._blocks else ()
        if faults:
            dropped = f"a check blocks the card: {faults[0]}"
            return replace(attempt, dropped=dropped), None
        return attempt, draft


def _words_given(gap: str, sentence: str, answer: str, question: str) -> str:
    """Return the words of a gap, or else of its sentence, that an answer gives; "" if it has none.

    To "How many areas do they visit?", "87" is the answer whose gap is "87 urban areas". A small
    model often asks for other words than the gap, and answers that from the same sentence.
    """
    wanted = _words(gap)
    given = _words(answer)
    if wanted == given:
        return gap
    said = {word.strip(_SIGNS) for word in for_comparing(question).split()} | _ARTICLES
    shorter, longer = sorted((wanted, given), key=len)
    size = len(shorter)
    for start in range(len(longer) - size + 1):
        end = start + size
        rest = longer[:start] + longer[end:]
        if shorter and longer[start:end] == shorter and said.issuperset(rest):
            span = locate(" ".join(shorter), gap)
            return gap[slice(*span)] if span else gap

    # a part of the sentence, most of which the question does not say
    span = locate(answer.strip(_SIGNS), sentence)
    new = [word for word in given if word.strip(_SIGNS) not in said]
    if span is None or len(given) > min(_MOST_WORDS, len(_words(sentence)) - 1):
        return ""
    return sentence[slice(*span)] if len(new) * 2 > len(given) else ""


def _words(answer: str) -> list[str]:
    """Return the words of an answer, without an article or a sign at its ends."""
    words = for_comparing(answer).strip(_SIGNS).split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return words
