"""Questions as texts to paste into a chat, and the answers of the chat.

Each highlight has a label that is the same in every run, so that a late answer can
still be matched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.draft.prompt import (
    NOTHING,
    Prompt,
    Shape,
    data,
    is_term,
    joined,
    message,
    most_cards,
    passage,
    reason_no_kind_fits,
    rules_of,
    shape_of,
)
from ankiforge.draft.reply import (
    Repair,
    ReplyItem,
    drafts_of,
    ends_in_the_middle,
    every_item,
    find_quote,
    letters_of_quote,
    on_a_line,
    places_of,
    sentences_with,
    without_drafts,
)
from ankiforge.draft.sendable import SendableTask, SendableText, ours
from ankiforge.language.lexicon import alternatives
from ankiforge.model import (
    Drafted,
    Highlight,
    HighlightKey,
    Origin,
    Problem,
    Strings,
    Value,
    h16,
)
from ankiforge.text import cloze, counted, regex
from ankiforge.text.fold import letters_of, typewritten
from ankiforge.text.sentences import sentences

CHAT = "chat"
"""The name of the unknown model."""
MOST = 20
"""The highlights of one text: chats cut long answers off."""


# --- out ------------------------------------------------------------------------------


class Chat(Value):
    """A text to paste into a chat of its own."""

    text: str
    keys: tuple[HighlightKey, ...]
    """The highlights that it asks about."""


def export_chats(tasks: Iterable[SendableTask], prompt: Prompt) -> list[Chat]:
    """Return texts to paste, of at most `MOST` highlights."""
    # by the shape of the reply: the titles, keys and passages that are asked for
    by_shape = defaultdict[Shape, list[_AskedFor]](list)
    for sendable in tasks:
        if reason_no_kind_fits(sendable.task):
            continue
        shape = shape_of(sendable.task)
        wants = sendable.task.brief.wants
        title = sendable.title
        for key, shown in sendable.passages.items():
            asked = passage(label_for(key), shown, wants)
            by_shape[shape].append(_AskedFor(title, key, asked))

    chats = []
    for shape, every in by_shape.items():
        for start in range(0, len(every), MOST):
            batch = every[start : start + MOST]
            by_title = []
            for title, group in groupby(batch, key=attrgetter("title")):
                by_title.append((title, joined(each.passage for each in group)))
            if len(by_title) == 1:
                [(only_title, highlights)] = by_title
                title = data(only_title)
            else:
                sections = []
                for each, passages in by_title:
                    section = f"Document: {data(each)}\n\n{passages}"
                    sections.append(SendableText(section))
                highlights = joined(sections)
                title = ours("several, named with their passages")
            values = {
                **rules_of(shape),
                "title": title,
                "remark": NOTHING,
                "highlights": highlights,
            }
            number = f"all {len(batch)} highlights"
            if len(batch) == 1:
                number = "the highlight"
            end = ours(f"Now answer for {number}, with the JSON only, in one code block.")
            messages = (*prompt.messages(values), message("user", end))
            contents = [each["content"] for each in messages]
            text = "\n\n".join(contents) + "\n"
            chats.append(Chat(text, tuple(each.key for each in batch)))
    return chats


class _AskedFor(NamedTuple):
    """A highlight in a text."""

    title: SendableText
    key: HighlightKey
    passage: SendableText


def asked_in(tasks: Iterable[SendableTask]) -> int:
    """Count the highlights that the texts contain."""
    count = 0
    for sendable in tasks:
        if not reason_no_kind_fits(sendable.task):
            count += len(sendable.passages)
    return count


def label_for(key: str) -> str:
    """Return the label (8 hex digits) of a highlight's key."""
    return h16(key)[:8]


# --- marks of chat windows --------------------------------------------------------------

# `:contentReference[oaicite:0]{index=0}`, `【4†source】`, `citeturn0search2` with its signs
_MARKS = regex(
    r"\s?(?::contentReference\[[^\]\n]{0,60}\](?:\{[^}\n]{0,60}\})?|【[^】\n]{1,60}†[^】\n]{0,80}】"
    r"|[\ue200-\ue206]?(?:file)?cite[\ue200-\ue206]?(?:turn\d{1,3}[a-z]{1,20}\d{1,3}[\ue200-\ue206]?){1,20})"
)
# `green light [1]`, `light[1][3].`
_NUMBER_MARK = regex(
    r"(?m)(?<=[\w.!?%)”])[ \t]?((?:\[\d{1,2}\]){1,9})(?=[ \t]*(?:[.,;:!?)\"”|]|$))"
)


def _without_marks(text: str, tasks: Iterable[SendableTask]) -> str:
    """Return an answer without the marks by which a chat window points at its sources.

    A number in brackets stays if a passage has it, too.
    """
    text = _MARKS.sub("", text)
    if not _NUMBER_MARK.search(text):
        return text
    marked = " ".join(each.exact for task in tasks for each in task.highlights)

    def kept(mark: re.Match[str]) -> str:
        return mark[0] if mark[1] in marked else ""

    return _NUMBER_MARK.sub(kept, text)


# --- back -----------------------------------------------------------------------------


class ChatAnswer(Value):
    """The cards of a chat's answer, and the parts of it that are of no use."""

    drafted: tuple[Drafted, ...]
    unused: tuple[Problem, ...]


_ASKS = ("<highlight h=", "<text h=")
"""Signs of a text to paste, which no answer has."""


def is_text_for_chat(text: str) -> bool:
    """Return whether a text asks a chat, and is no answer."""
    return any(sign in text for sign in _ASKS)


def what_is_missing(text: str) -> str:
    """Return why a text is no answer of a chat, and the way on."""
    if not text.strip():
        return "nothing was pasted: copy the whole answer of the chat"
    if is_text_for_chat(text):
        return "this is the text for the chat, not its answer: paste it there first"
    usable, unusable = every_item(text)
    if not usable and ends_in_the_middle(text):
        return (
            "it ends in the middle of its first card: copy the whole answer of the chat"
        )
    if usable:
        return "no card in it is about these highlights: ask the chat again, in a new one"
    if unusable:
        return "its cards lack a question or an answer: ask the chat for the JSON only"
    return "it has no card, as JSON or as a table: copy the whole answer of the chat"


def chat_request(text: str) -> str:
    """Return the name under which an answer is stored in the cache."""
    return f"chat/{h16(text)}"


def read_answer(
    text: str,
    tasks: Sequence[SendableTask],
    prompt: Prompt,
    faults_of: Repair = lambda draft, highlight: (),
) -> ChatAnswer:
    """Return the results for the pending highlights that a chat's answer is about.

    A card that `faults_of` blocks, or that quotes words which no highlight has, is
    named; its highlight stays pending, and the next text asks about it again.
    """
    items, unusable = every_item(_without_marks(text, tasks))
    pending = []
    for sendable in tasks:
        for highlight in sendable.highlights:
            letters = letters_of(" ".join(places_of(highlight)))
            pending.append(_Unanswered(highlight, label_for(highlight.key), letters))
    by_label = {each.label: each for each in pending}

    # the cards of each highlight
    items_of = defaultdict[HighlightKey, list[ReplyItem]](list)
    unused = []
    moved = []
    for item in items:
        named = by_label.get(item.label)
        holder = named if item.kind is None else _holder(item, named, pending)
        if item.kind and not (holder or named or item.label or item.quote):
            holder, item = _by_words(item, pending)
        if holder:
            items_of[holder.highlight.key].append(item)
            if named and named is not holder:
                moved.append(f"{_card(item)} for {_shown(holder.highlight.exact)}")
        else:
            unused.append(_unplaced(item, named))
    if moved:
        taken = f"{counted(len(moved), 'card')} taken for the passage quoted, not for the one named"
        unused.append(Problem("", f"{taken}: {'; '.join(moved[:_NAMED])}", notice=True))
    for card in unusable:
        hint = "ask for question and answer"
        unused.append(Problem("", f"no card can be made of {card[:80]}", hint))
    if ends_in_the_middle(text):
        way_on = "ask the chat for that card and the rest again, each whole"
        unused.append(Problem("", f"the answer ends in the middle of a card: {way_on}"))
    if not (items or unusable):
        hint = "paste the whole answer, or ask the chat for the JSON only"
        unused.append(Problem("", "it contains no readable card", hint))

    origin = Origin("llm", CHAT, prompt.fingerprint, chat_request(text))
    results = []
    for sendable in tasks:
        for highlight in sendable.highlights:
            about = items_of.get(highlight.key, [])[:_MOST_OF_ONE]
            result, problems = _result(about, highlight, sendable, origin, faults_of)
            unused += problems
            if result is not None:
                results.append(result)
    # what was imported before comes last: of many problems, only the first are named
    unused.sort(key=lambda problem: problem.hint == _NOT_ASKED)
    return ChatAnswer(tuple(results), tuple(unused))


def _result(
    about: Sequence[ReplyItem],
    highlight: Highlight,
    sendable: SendableTask,
    origin: Origin,
    faults_of: Repair,
) -> tuple[Drafted | None, list[Problem]]:
    """Return the result of the cards about a highlight, and those that are of no use.

    None if nothing sound is about it.
    """
    shape = shape_of(sendable.task)
    passage_shown = _shown(highlight.exact)
    problems = []
    sound = []
    for item in about:
        faults: Strings = ()
        for draft in drafts_of([item], highlight, origin, shape):
            faults = faults_of(draft, highlight)
        if faults:
            what = f"{_card(item)} for {passage_shown}: {'; '.join(faults)}"
            problems.append(Problem("", what))
        else:
            sound.append(item)
    if not sound:
        return None, problems
    drafts = drafts_of(sound, highlight, origin, shape)
    if not drafts:
        reason = reason_no_kind_fits(sendable.task)
        if reason:
            return Drafted(highlight, reason=reason, passing=True), problems
        return without_drafts(highlight, sound, shape), problems
    distinct = {(item.front, item.back, item.text) for item in sound}
    if len(distinct) > len(drafts) == most_cards(highlight.exact):
        more = counted(len(distinct) - len(drafts), "more card")
        what = f"{more} for {passage_shown}: it has {len(drafts)}"
        problems.append(Problem("", what, notice=True))
    return Drafted(highlight, drafts), problems


class _Unanswered(NamedTuple):
    """A highlight that still needs a card."""

    highlight: Highlight
    label: str
    letters: str
    """The letters of all its places, to look for quotes."""

    def has(self, parts: Iterable[str]) -> bool:
        """Return whether the highlight's letters contain all of these parts."""
        return all(part in self.letters for part in parts)

    def answers(self, answers: Sequence[str]) -> bool:
        """Return whether the highlight contains an answer as whole words."""
        return any(sentences_with(answers, place) for place in places_of(self.highlight))

    def is_marked(self, words: str) -> bool:
        """Return whether its mark has some words."""
        return find_quote(words, self.highlight.exact) is not None


def _holder(
    item: ReplyItem, named: _Unanswered | None, pending: Iterable[_Unanswered]
) -> _Unanswered | None:
    """Return the highlight that has the words that a card quotes; None if none has.

    Labels may be missing, exchanged, or of an older prompt, so the quote decides: of several
    highlights that have it, the marked words come before the text around others, and then the
    label. A card without a quote is of its label, else of the only highlight with its answer
    that has a word of its question, too. With a label that no highlight has, a card needs a
    quote that only one of them has. One that quotes one highlight, and has its answer from the
    other that it names, is of neither.
    """
    quoted = letters_of_quote(item.quote)
    if named and (not quoted or named.is_marked(item.quote)):
        return named
    is_strange = bool(item.label) and named is None
    if is_strange and sum(map(len, quoted)) < _LONG_QUOTE:
        return None
    ranked = _by_rank(item, named, pending)
    if not ranked:
        return None
    (best_rank, best), *others = ranked
    is_tie = any(rank == best_rank for rank, _ in others)
    if not quoted:  # a word of its question, too
        return best if best_rank[-1] and not is_tie else None
    if is_tie and is_strange:
        return None
    # it answers from the highlight of its label, and quotes another one
    if named and named.answers(item.answers) and not best.answers(item.answers):
        return None
    return best


_Rank = tuple[bool, bool, bool, int]


def _by_rank(
    item: ReplyItem, named: _Unanswered | None, pending: Iterable[_Unanswered]
) -> list[tuple[_Rank, _Unanswered]]:
    """Return the highlights that have the quote of a card, else its answer, the best first."""
    answer = " … ".join(item.answers)
    answered = letters_of_quote(answer)
    quoted = letters_of_quote(item.quote)
    sought = item.quote if quoted else answer
    parts = quoted or answered
    marks_decide = not quoted or sum(map(len, parts)) >= _LONG_QUOTE
    words = {letters_of(word) for word in item.front.split() if len(word) > _SHORT_WORD}
    ranked = []
    for each in pending if parts else ():
        if not (each.has(parts) and (quoted or each.answers(item.answers))):
            continue
        is_marked = each.is_marked(sought)
        if is_marked or _has_around(each.highlight, sought, is_named=each is named):
            shared = sum(word in each.letters for word in words)
            rank = marks_decide and is_marked, each is named, each.has(answered), shared
            ranked.append((rank, each))
    return sorted(ranked, key=itemgetter(0), reverse=True)


def _by_words(
    item: ReplyItem, pending: Iterable[_Unanswered]
) -> tuple[_Unanswered | None, ReplyItem]:
    """Return the only highlight with most words of a card, and the card with its quote.

    A card without label and quote may say the answer in other words than its passage.
    """
    said = " ".join((item.front, cloze.reveal(item.text), *item.answers))
    words = {letters_of(word) for word in said.split() if len(word) > _SHORT_WORD}

    def shared(letters: str) -> int:
        return sum(word in letters for word in words)

    ranked = sorted(pending, key=lambda each: shared(each.letters), reverse=True)
    most, next_most, *_ = [*(shared(each.letters) for each in ranked), 0, 0]
    if most < max(_FEWEST_WORDS, _MOST_WORDS * len(words)) or next_most * 2 > most:
        return None, item
    marked = ranked[0].highlight.exact
    texts = [marked[start:end] for start, end in sentences(marked)]
    quote = max(texts, key=lambda sentence: shared(letters_of(sentence)))
    return ranked[0], replace(item, quote=quote)


def _has_around(highlight: Highlight, quote: str, *, is_named: bool) -> bool:
    """Return whether the text around a mark has a quote that is evidence for the mark.

    It overlaps the mark, or answers a comment; or the card names the mark, which is a term of the
    sentence that has the quote, or needs the sentence before it: `So …`, `C'est pourquoi …`. Other
    words around it may be another mark, which has a card already.
    """
    sentence = highlight.sentence
    if is_named and is_term(highlight.exact, sentence) and find_quote(quote, sentence):
        return True
    asks = highlight.instructs and bool(highlight.comment.strip())
    leans = is_named and _LEANS.match(typewritten(highlight.exact)) is not None
    for place in places_of(highlight):
        quoted = find_quote(quote, place)
        marked = find_quote(highlight.exact, place)
        if quoted and asks:
            return True
        if not (quoted and marked):
            continue
        if quoted[0] < marked[1] and marked[0] < quoted[1]:
            return True
        between = place[quoted[1] : marked[0]]
        if leans and quoted[1] <= marked[0] and not any(map(str.isalnum, between)):
            return True
    return False


# The beginning of a mark that needs the sentence before it; German `da` may give its reason there.
_LEANS = regex(rf"(?i)\W*(?:da|{alternatives('cues', 'leans')})(?![\w'-])")


# The cards of other passages than they name that are told.
_NAMED = 3
# The cards of a highlight that are checked.
_MOST_OF_ONE = 20
_NOT_ASKED = "it was imported before, or nobody asked for it"
# From this number of letters, marked words tell whose quote it is, else the label.
_LONG_QUOTE = 12
_SHORT_WORD = 3
# The words of a card that only one highlight has: their least number, and share of all.
_FEWEST_WORDS = 4
_MOST_WORDS = 0.6


def _unplaced(item: ReplyItem, named: _Unanswered | None) -> Problem:
    """Return the problem of a card that fits no highlight; `named`: the one its label names."""
    quote = _shown(item.quote)
    if named:
        marked = _shown(named.highlight.exact)
        fault = f"{marked} does not have its quote {quote}"
        if any(find_quote(item.quote, place) for place in places_of(named.highlight)):
            fault = f"its quote {quote} stands beside {marked}: it has to reach into these words"
        return Problem("", f"{_card(item)}: {fault}")
    missing = []
    if item.label:
        missing.append(f"its label {item.label!r}")
    if item.kind and item.quote:
        missing.append(f"its quote {quote}")
    what = " or ".join(missing) or "its answer"
    reason = f"no highlight that still needs a card has {what}"
    return Problem("", f"{_card(item)}: {reason}", _NOT_ASKED)


def _card(item: ReplyItem) -> str:
    """Return the question of a card, or why there is none."""
    return _shown(item.front or item.text or item.why_none)


def _shown(words: str) -> str:
    """Return the beginning of a text, in quotation marks."""
    return f"“{on_a_line(words, 60)}”"
