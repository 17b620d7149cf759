"""Cards of a document that nobody marked: what a chat or model is asked, and what it answers.

    path ─▶ source ─▶ whole text ─▶ parts ─▶ request ─▶ answer ─▶ passages chosen ─▶ cards that wait

The passages are events of the journal (`ledger.chosen`), which the reader of the document takes as
further marks; all else is as of a mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.draft import choose
from ankiforge.draft.llm import Estimate, Model
from ankiforge.draft.prompt import ModelRequest, Prompt, load
from ankiforge.draft.reply import every_item
from ankiforge.errors import ItemError, OwnFileError, UsageError
from ankiforge.extract.chosen import highlight_at
from ankiforge.extract.folder import FileSource
from ankiforge.extract.zotero.works import work_of_file
from ankiforge.ledger import cards
from ankiforge.ledger import chosen as chosen_marks
from ankiforge.model import (
    Drafted,
    Highlight,
    HighlightKey,
    Problem,
    Span,
    Strings,
    Value,
    WholeText,
)
from ankiforge.pipeline.draft import draft as judge
from ankiforge.pipeline.draft import privacy_of, record
from ankiforge.pipeline.models import repair_hints
from ankiforge.pipeline.result import ByModel, Progress, RunResult
from ankiforge.pipeline.sources import ingest, open_sources, select_sources
from ankiforge.pipeline.workspace import ShowProgress, Workspace, show_nothing
from ankiforge.text import counted
from ankiforge.text.fold import for_finding, is_joined, letters_of
from ankiforge.text.located import Letters, Located
from ankiforge.text.private import IN_ITS_NOTE, has_tag, why_document

_ASKED = "choosing.json"
"""The file of a workspace with the documents that were asked about last."""
_MOST_ASKED = 50
_LARGEST = 1_000_000
_HALF = 0.5
"""The share of the quotes of an answer without labels that its document has."""
_LEAD = 40
"""Letters before chosen words by which equal ones are told apart."""
NO_TEXT = "it has no text, as a scan"


class AskedDocument(Value):
    """A document that was asked about."""

    path: str
    number: int
    """How many passages were to be chosen."""
    labels: Strings
    """Of its parts."""
    answered: Strings = ()
    """Those of them of which an answer came."""


class OpenDocument(NamedTuple):
    """A document with its text, and what is known of it."""

    path: Path
    container: str
    whole: WholeText
    letters: Letters

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.path.name

    @property
    def place(self) -> str:
        """Its place in the container."""
        return self.whole.document.path or self.whole.document.key


class Asking(NamedTuple):
    """A document whose parts are to be asked about."""

    opened: OpenDocument
    parts: list[choose.Part]
    """Those of which no answer came yet."""
    total: int
    """How many parts it has."""
    number: int

    @property
    def said(self) -> str:
        """Its size, in a line."""
        said = f"{self.opened.name}: {sum(part.size for part in self.parts):,} characters"
        if self.total > 1:
            said += f" in {counted(len(self.parts), 'part')}"
        every = sum(map(len, self.opened.whole.pages))
        if sum(part.size for part in self.parts) * 2 < every and self.total > 1:
            said += f" of {every:,}: with more --cards, more of it is asked about"
        if len(self.parts) < self.total:
            said += f"; {self.total - len(self.parts):,} of {self.total:,} are answered"
        return said


# --- documents --------------------------------------------------------------------------


def take_up(workspace: Workspace, paths: Sequence[Path]) -> list[Problem]:
    """Read files and folders, whether anything is marked in them or not, from now on.

    Raises:
        UsageError: there is only one, and it cannot be read.
    """
    with workspace.locked("drafting"):
        selected = select_sources(workspace.folder, tuple(paths), unmarked=True)
        workspace.remember(selected.remembered)
        problems = (*selected.problems, *workspace.read().problems)
        return [problem for problem in problems if not problem.notice]


def documents(
    workspace: Workspace, path: Path, *, private: bool = False
) -> Iterator[OpenDocument | Problem]:
    """Yield the documents at a path that may leave this machine, with their text.

    `private`: those that may not, too.
    """
    selected = select_sources(workspace.folder, (path,), unmarked=True)
    sources = open_sources(
        workspace.folder, workspace.ledger, selected.sources, offline=workspace.offline
    )
    for source in sources:
        if not isinstance(source, FileSource):
            continue
        for read in source.whole_texts():
            if isinstance(read, Problem):
                yield read
                continue
            file, whole = read
            document = whole.document
            try:
                work = work_of_file(file) if document.key.startswith("pdf:") else None
            except ItemError as error:
                yield Problem(document.path, error.message, error.hint)
                continue
            if work:  # its title, and what its tags and collections say
                document = replace(
                    document,
                    title=work.title,
                    creators=work.creators,
                    tags=work.tags,
                    collections=work.collections,
                )
                whole = replace(whole, document=document)
            why = why_document(document)
            if not why and any(map(has_tag, file.parts)):
                why = IN_ITS_NOTE
            if why and not private:
                yield Problem(document.path, why, "nothing of it is sent", notice=True)
            elif not any(map(for_finding, whole.pages)):
                yield Problem(document.path, NO_TEXT, "add a text layer (OCR)")
            else:
                letters = Letters(whole.pages)
                yield OpenDocument(file, source.folder.container, whole, letters)


def askings(
    workspace: Workspace, path: Path, number: int
) -> tuple[list[Asking], list[Problem]]:
    """Return the documents at a path to ask about, and why others are not.

    Of a folder, they are those in which nothing is marked, and nothing was chosen.

    Raises:
        UsageError: the path cannot be read.
        ItemError: it is one document, of which nothing can be asked.
    """
    remembered = workspace.folder.remembered
    of_sources = take_up(workspace, [path])
    problems: list[Problem] = []
    found = []
    for opened in documents(workspace, path):
        if isinstance(opened, Problem):
            problems.append(opened)
            continue
        known = chosen_marks.known_in(workspace.ledger, opened.container, opened.place)
        if path.is_dir() and known:
            continue
        parts = choose.parts_of(opened.whole, number)
        before = _asked_about(workspace, opened.path)
        answered: set[str] = set()
        labels = tuple(part.label for part in parts)
        if before and (before.number, before.labels) == (number, labels):
            if set(before.answered) < set(labels):  # it was interrupted
                answered.update(before.answered)
        left = [part for part in parts if part.label not in answered]
        if left:
            found.append(Asking(opened, left, len(parts), number))
        else:
            problem = Problem(opened.name, "nothing in it is to be learnt from")
            problems.append(problem)
    if not found and not path.is_dir():
        workspace.remember(remembered)
        first = problems[0] if problems else Problem(path.name, NO_TEXT)
        raise ItemError(f"{first.where}: {first.what}", hint=first.hint)
    return found, [*of_sources, *problems]


# --- what is asked ------------------------------------------------------------------------


def request(workspace: Workspace, asking: Asking, part: choose.Part) -> ModelRequest:
    """Return the request about a part: it knows what was chosen in the others."""
    opened = asking.opened
    privacy = privacy_of(workspace.ledger)
    known = chosen_marks.known_in(workspace.ledger, opened.container, opened.place)
    number = asking.total - len(asking.parts) + asking.parts.index(part) + 1
    return choose.request(
        opened.whole,
        part,
        _prompt(workspace),
        lambda words: privacy.text(words, opened.whole.document.key),
        [highlight.exact for highlight in known if not privacy.why(highlight)],
        f"part {number} of {asking.total}" if asking.total > 1 else "",
    )


def text(workspace: Workspace, asking: Asking, part: choose.Part) -> str:
    """Return the text that asks a chat about a part, and remember that it was asked."""
    if part is asking.parts[0]:
        _remember(workspace, asking)
    return choose.text_of(request(workspace, asking, part), part)


def estimate(
    workspace: Workspace, every: Iterable[Asking], drafter: str = ""
) -> Estimate:
    """Return size and cost of asking the model about documents; nothing is sent.

    Raises:
        UsageError: no model is chosen.
    """
    model = workspace.model(drafter or "llm")
    assert model is not None
    questions = []
    passages = 0
    for asking in every:
        for part in asking.parts:
            questions.append(request(workspace, asking, part))
            passages += part.number
    return model.size_of(questions, passages)


def _prompt(workspace: Workspace) -> Prompt:
    return load("choose", workspace.folder.root)


# --- what comes back ------------------------------------------------------------------------


class Taken(NamedTuple):
    """What an answer gave."""

    answer: choose.Answer
    steps: tuple[Progress, ...] = ()
    said: str = ""

    @property
    def drafted(self) -> int:
        """How many cards wait."""
        return sum(step.drafted for step in self.steps)


def draft(
    workspace: Workspace,
    every: Sequence[Asking],
    drafter: str = "",
    show: ShowProgress = show_nothing,
) -> RunResult:
    """Let the model choose passages of documents, part by part; their cards wait.

    What it answered is kept: after an interruption, the next call goes on. If it does not answer,
    the error is in the result.
    """
    model = workspace.model(drafter or "llm")
    assert model is not None
    result = RunResult()
    total = sum(part.number for asking in every for part in asking.parts)

    def steps() -> Iterator[Progress]:
        done = 0
        for asking in every:
            _remember(workspace, asking)
            for part in asking.parts:
                try:
                    answer = model.reply(request(workspace, asking, part))
                except ItemError as error:
                    problem = Problem(asking.opened.name, error.message, error.hint)
                    yield Progress(problems=(problem,))
                    continue
                taken = take_for(workspace, answer, asking.opened, part, model)
                done += part.number
                by_model = ByModel(model.host, done, total, model.usage)
                chosen = len(taken.answer.choices)
                for step in taken.steps:
                    yield replace(step, by_model=None)
                problems = tuple(taken.answer.unused)
                yield Progress(highlights=chosen, problems=problems, by_model=by_model)

    with workspace.locked("drafting"):
        workspace.follow(result, steps(), model, partial(show, ()))
    return result


def take(
    workspace: Workspace, answer: str, *, only_labelled: bool = False
) -> Taken | None:
    """Record what an answer of a chat has chosen; None if it is about no document.

    One without labels is tried on the documents that were asked about last.
    """
    items, _ = every_item(answer)
    quotes = [item for item in items if item.kind and item.quote]
    labels = {item.label for item in items}
    every = _asked(workspace)
    labelled = [each for each in every if labels.intersection(each.labels)]
    for asked in labelled if (labelled or only_labelled) else every:
        for opened in documents(workspace, Path(asked.path)):
            if isinstance(opened, Problem):
                if labelled:
                    raise ItemError(f"{opened.where}: {opened.what}", hint=opened.hint)
                continue
            found = 0
            for item in quotes:
                located, _ = choose.locate_quote(item.quote, opened.letters, ())
                found += located is not None
            if not labelled and (not quotes or found < _HALF * len(quotes)):
                continue
            parts = choose.parts_of(opened.whole, asked.number)
            part = next((each for each in parts if each.label in labels), None)
            return take_for(workspace, answer, opened, part)
    return None


def take_for(
    workspace: Workspace,
    answer: str,
    opened: OpenDocument,
    part: choose.Part | None,
    model: Model | None = None,
) -> Taken:
    """Record the passages that an answer chose in a document, and their cards as drafts.

    Args:
        workspace: the workspace.
        answer: the text of the answer.
        opened: the document.
        part: the part that was asked about; None = it is not as it was.
        model: the model that answered, which may read its cards again; None = a chat.
    """
    ledger = workspace.ledger
    whole, letters = opened.whole, opened.letters
    with workspace.locked("drafting"):
        known = chosen_marks.known_in(ledger, opened.container, opened.place)
        pages = {paragraph.page for paragraph in part.paragraphs} if part else set()
        chosen = choose.read(
            answer,
            letters,
            pages,
            partial(highlight_at, whole),
            repair_hints(),
            _spans(letters, known),
        )
        steps: list[Progress] = []
        if chosen.choices:
            places = [
                (each.located.page, each.located.span[0]) for each in chosen.choices
            ]
            passages = [each.passage for each in chosen.choices]
            keys = _choose(workspace, opened, passages, places, chosen_marks.CHAT, steps)
            origin = choose.origin_of(
                answer, _prompt(workspace), model.name if model else ""
            )
            drafted = []
            for choice, key in zip(chosen.choices, keys, strict=True):
                if key:
                    highlight = cards.highlight_of(ledger, key)
                    drafts = choose.cards_of(choice, highlight, origin)
                    drafted.append(Drafted(highlight, drafts))
            steps += record(replace(workspace.job(), model=model), ledger, [drafted])
        if part and chosen.quoted:
            _note_answer(workspace, opened.path, part.label)
    said = chosen.said
    if part is None and chosen.located < chosen.quoted:
        said += f"; {opened.name} changed since it was asked about"
    return Taken(chosen, tuple(steps), said)


def words_at(
    opened: OpenDocument, text: str, before: str = "", page: int = -1
) -> Located | None:
    """Return where words are that a person chose on the page, as whole words; None if nowhere.

    Args:
        opened: the document.
        text: the words.
        before: some text before them, which tells equal words apart.
        page: the number of their page from 0; -1 = unknown.
    """
    from rapidfuzz.distance import Postfix

    letters = opened.letters
    wanted = letters_of(text)
    lead = letters_of(before)[-_LEAD:]
    places = list(letters.places(wanted))
    if 0 <= page < len(letters.pages):
        start, end = letters.of_page(page)
        places = [place for place in places if start <= place < end]
    if not places:
        return None

    def common(place: int) -> int:
        return Postfix.similarity(lead, letters.text[max(place - _LEAD, 0) : place])

    place = max(places, key=common)
    located = letters.located(place, place + len(wanted), text)
    # up to the ends of the words in which the choice begins and stops
    start, end = located.span
    whole = located.text
    while start and is_joined(whole[start - 1], whole[start]):
        start -= 1
    while end < len(whole) and is_joined(whole[end], whole[end - 1]):
        end += 1
    return located._replace(span=(start, end))


def mark(workspace: Workspace, opened: OpenDocument, located: Located) -> HighlightKey:
    """Make a highlight of words that a person chose on the page; return its key."""
    passage = highlight_at(opened.whole, located)
    place = (located.page, located.span[0])
    [key] = _choose(workspace, opened, [passage], [place], chosen_marks.PAGE, [])
    if key is None:
        raise UsageError("these words are not in the document any more")
    for _ in judge(
        workspace.job(), workspace.ledger
    ):  # so that something may be proposed
        pass
    return key


def _choose(
    workspace: Workspace,
    opened: OpenDocument,
    passages: Sequence[Highlight],
    places: Sequence[tuple[int, int]],
    by: str,
    steps: list[Progress],
) -> list[HighlightKey | None]:
    """Record that passages were chosen, and read their document; return their keys."""
    ledger = workspace.ledger
    with ledger.action():
        events = []
        for passage, place in zip(passages, places, strict=True):
            events.append(
                chosen_marks.choose(ledger, passage, opened.container, place, by)
            )
    selected = select_sources(workspace.folder, (opened.path,), unmarked=True)
    sources = open_sources(workspace.folder, ledger, selected.sources, offline=True)
    steps.append(ingest(replace(workspace.job(), sources=sources), ledger))
    keys = chosen_marks.keys_of(ledger, zip(events, passages, strict=True))
    return [keys.get(event) for event in events]


def _spans(letters: Letters, known: Iterable[Highlight]) -> Iterator[Span]:
    """Yield where highlights are among the letters of their document."""
    for highlight in known:
        wanted = for_finding(highlight.exact)
        place = next(letters.places(wanted), -1)
        if place >= 0:
            yield place, place + len(wanted)


# --- what was asked ---------------------------------------------------------------------------


def _asked(workspace: Workspace) -> list[AskedDocument]:
    """Return the documents that were asked about, the latest first."""
    file = workspace.folder.folder / _ASKED
    with suppress(OSError, OwnFileError, msgspec.DecodeError):
        if file.is_there():
            return msgspec.json.decode(file.read(_LARGEST), type=list[AskedDocument])
    return []


def _asked_about(workspace: Workspace, path: Path) -> AskedDocument | None:
    return next((each for each in _asked(workspace) if each.path == str(path)), None)


def _remember(workspace: Workspace, asking: Asking) -> None:
    """Note that a document is asked about, for an answer that comes as a file."""
    path = asking.opened.path
    before = _asked_about(workspace, path)
    labels = tuple(
        part.label for part in choose.parts_of(asking.opened.whole, asking.number)
    )
    answered: Strings = ()
    if before and len(asking.parts) < asking.total:
        answered = before.answered
    _store(workspace, AskedDocument(str(path), asking.number, labels, answered))


def _note_answer(workspace: Workspace, path: Path, label: str) -> None:
    """Note that an answer about a part of a document came."""
    asked = _asked_about(workspace, path)
    if asked:
        answered = tuple(dict.fromkeys((*asked.answered, label)))
        _store(workspace, replace(asked, answered=answered))


def _store(workspace: Workspace, asked: AskedDocument) -> None:
    others = [each for each in _asked(workspace) if each.path != asked.path]
    with suppress(OSError, OwnFileError):  # then an answer has to say it
        content = msgspec.json.encode([asked, *others][:_MOST_ASKED])
        (workspace.folder.folder / _ASKED).write(content)
