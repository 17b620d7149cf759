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
from ankiforge.draft.chat import what_is_missing
from ankiforge.draft.llm import Estimate, Model
from ankiforge.draft.prompt import ModelRequest, Prompt, load
from ankiforge.draft.reply import every_item
from ankiforge.errors import ItemError, OwnFileError, UsageError
from ankiforge.extract.chosen import highlight_at
from ankiforge.extract.folder import FileSource
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.extract.zotero.works import work_of_file
from ankiforge.ledger import cards
from ankiforge.ledger import chosen as chosen_marks
from ankiforge.model import (
    Drafted,
    Highlight,
    HighlightKey,
    Problem,
    Source,
    Span,
    Strings,
    Value,
    WholeText,
)
from ankiforge.pipeline.draft import draft as judge
from ankiforge.pipeline.draft import privacy_of, record
from ankiforge.pipeline.models import repair_hints
from ankiforge.pipeline.result import Asked, ByModel, Progress, RunResult, Taken
from ankiforge.pipeline.sources import ingest, open_sources, select_sources
from ankiforge.pipeline.workspace import ShowProgress, Workspace, show_nothing
from ankiforge.text import counted
from ankiforge.text.elements import without_html
from ankiforge.text.fold import for_finding, is_joined
from ankiforge.text.located import Letters, Located
from ankiforge.text.private import IN_ITS_NOTE, has_tag, why_document

_ASKED = "choosing.json"
"""The file of a workspace with the documents that were asked about last."""
_MOST_ASKED = 50
_MOST_TRIED = 5
"""The documents on which an answer without labels is tried."""
_LARGEST = 1_000_000
_LONG = 400
"""Pages from which it is said how long a PDF is read."""
_LONG_BYTES = 1_000_000
_PAGE_S = 0.08
"""Seconds that a page takes to be read."""
_HALF = 0.5
"""The share of the quotes of an answer without labels that its document has."""
_LEAD = 40
"""Letters before chosen words by which equal ones are told apart."""
NOTHING_LEFT = "every document there has marks, or passages chosen before"
NO_TEXT = "it has no text, as a scan"


class AskedDocument(Value):
    """A document that was asked about."""

    path: str
    number: int
    """How many passages were to be chosen."""
    labels: Strings
    """Of its parts."""
    answered: Strings
    """The labels of the parts that are answered."""


class OpenDocument(NamedTuple):
    """A document, with its file, its text, and its letters to find quotes by."""

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
    """A document about whose parts a model or chat is asked, one after another."""

    opened: OpenDocument
    number: int
    """How many passages are to be chosen."""
    parts: tuple[choose.Part, ...]
    left: list[choose.Part]
    """The parts without an answer yet; an answer takes its part out."""

    @property
    def said(self) -> str:
        """Its size, in a line."""
        size = sum(part.size for part in self.left)
        said = f"{self.opened.name}: {size:,} characters"
        total = len(self.parts)
        if total > 1:
            said += f" in {counted(len(self.left), 'part')}"
        every = sum(map(len, self.opened.whole.pages))
        if 2 * size < every and total > 1:
            said += f" of {every:,}: with more --cards, more of it is asked about"
        if len(self.left) < total:
            said += f"; {total - len(self.left):,} of {total:,} are answered"
        return said

    def named(self, part: choose.Part) -> str:
        """Return the part's name, such as `part 2 of 3`; "" if the document has one part."""
        total = len(self.parts)
        return f"part {self.parts.index(part) + 1} of {total}" if total > 1 else ""

    def asks_about(self, part: choose.Part) -> str:
        """Return a line that names the request about a part."""
        asked = f"Asks for {counted(part.number, 'passage')} of {self.opened.name}"
        return ", ".join(filter(None, (asked, self.named(part))))


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


def _sources_at(workspace: Workspace, path: Path) -> tuple[Source, ...]:
    """Return the sources at a path, whether anything is marked there or not."""
    found = select_sources(workspace.folder, (path,), unmarked=True).sources
    return open_sources(workspace.folder, workspace.ledger, found, offline=True)


def documents(
    workspace: Workspace, path: Path, *, private: bool = False
) -> Iterator[OpenDocument | Problem]:
    """Yield the documents at a path that may leave this machine, with their text.

    `private`: those that may not, too.
    """
    for source in _sources_at(workspace, path):
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
                letters = Letters(whole.pages, choose.as_sent)
                yield OpenDocument(file, source.folder.container, whole, letters)


def long_read(path: Path) -> str:
    """Return how long it takes to read a PDF of many pages, in words; "" if it is none."""
    is_pdf = path.suffix.casefold() == ".pdf" and path.is_file()
    if not is_pdf or path.stat().st_size < _LONG_BYTES:
        return ""
    with PdfWorker() as worker:
        pages = len(worker.measure(path).pages)
    if pages < _LONG:
        return ""
    minutes = max(1, round(pages * _PAGE_S / 60))
    return f"{path.name}: {pages:,} pages, read in about {counted(minutes, 'minute')}"


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
        elif not (path.is_dir() and _known(workspace, opened)):
            asking = _asking(workspace, opened, number)
            if asking.left:
                found.append(asking)
            else:
                problem = Problem(opened.name, "nothing in it is to be learnt from")
                problems.append(problem)
    if not found and not path.is_dir():
        workspace.remember(remembered)
        first = problems[0] if problems else Problem(path.name, NO_TEXT)
        raise ItemError(f"{first.where}: {first.what}", hint=first.hint)
    return found, [*of_sources, *problems]


def _asking(workspace: Workspace, opened: OpenDocument, number: int) -> Asking:
    """Return the parts of a document to ask about; those that are left if it was interrupted."""
    parts = tuple(choose.parts_of(opened.whole, number))
    labels = tuple(part.label for part in parts)
    answered: Strings = ()
    for asked in _asked(workspace):
        is_same = (asked.path, asked.number) == (str(opened.path), number)
        if is_same and asked.labels == labels and set(asked.answered) < set(labels):
            answered = asked.answered
    left = [part for part in parts if part.label not in answered]
    return Asking(opened, number, parts, left)


def _known(workspace: Workspace, opened: OpenDocument) -> list[Highlight]:
    """Return the passages of a document that need not be chosen."""
    return chosen_marks.known_in(workspace.ledger, opened.container, opened.place)


# --- what is asked ------------------------------------------------------------------------


def ask(workspace: Workspace, path: Path, number: int) -> Asked:
    """Return the texts that ask a chat about the documents at a path.

    Raises:
        UsageError, ItemError: as for `askings`.
    """
    every, problems = askings(workspace, path, number)
    texts = [text(workspace, asking, part) for asking in every for part in asking.left]
    said = "\n".join(asking.said for asking in every)
    return Asked(path.name, said or NOTHING_LEFT, tuple(texts), problems=tuple(problems))


def request(workspace: Workspace, asking: Asking, part: choose.Part) -> ModelRequest:
    """Return the request about a part, which names the passages that need not be chosen."""
    whole = asking.opened.whole
    privacy = privacy_of(workspace.ledger)
    known = _known(workspace, asking.opened)
    return choose.request(
        whole,
        part,
        _prompt(workspace),
        lambda words: privacy.text(words, whole.document.key),
        [highlight.exact for highlight in known if not privacy.why(highlight)],
        asking.named(part),
    )


def text(workspace: Workspace, asking: Asking, part: choose.Part) -> str:
    """Return the text that asks a chat about a part, and remember that it was asked."""
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
    parts = [(asking, part) for asking in every for part in asking.left]
    questions = [request(workspace, asking, part) for asking, part in parts]
    return model.size_of(questions, sum(part.number for _, part in parts))


def _prompt(workspace: Workspace) -> Prompt:
    return load("choose", workspace.folder.root)


# --- what comes back ------------------------------------------------------------------------


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
    total = sum(part.number for asking in every for part in asking.left)

    def steps() -> Iterator[Progress]:
        done = 0
        for asking in every:
            _remember(workspace, asking)
            for part in tuple(asking.left):
                try:
                    answer = model.reply(request(workspace, asking, part))
                except ItemError as error:
                    problem = Problem(asking.opened.name, error.message, error.hint)
                    yield Progress(problems=(problem,))
                    continue
                taken = take_for(workspace, answer, asking, part, model=model)
                done += part.number
                yield from taken.steps
                by_model = ByModel(model.host, done, total, model.usage)
                chosen = len(taken.drafted)
                yield Progress(
                    highlights=chosen, problems=taken.unused, by_model=by_model
                )

    with workspace.locked("drafting"):
        workspace.follow(result, steps(), model, partial(show, ()))
    return result


def take(
    workspace: Workspace,
    answer: str,
    accept: str = "",
    about: Asking | None = None,
    *,
    only_labelled: bool = True,
) -> Taken | None:
    """Record the passages that an answer of a chat has chosen; None if it is about no document.

    Args:
        workspace: the workspace.
        answer: the text of the answer.
        accept: the policy of `--accept`; "" = as in the settings.
        about: the document that was asked about; None = the one that its labels name.
        only_labelled: whether one without labels is not tried on the documents asked last.
    """
    items, _ = every_item(answer)
    labels = {item.label for item in items}

    def named(asking: Asking) -> choose.Part | None:
        return next((part for part in asking.parts if part.label in labels), None)

    if about is not None:
        return take_for(
            workspace, answer, about, named(about) or next(iter(about.left), None), accept
        )
    quotes = [item.quote for item in items if item.kind and item.quote]
    every = _asked(workspace)
    labelled = [asked for asked in every if labels.intersection(asked.labels)]
    for asked in labelled or (() if only_labelled else every[:_MOST_TRIED]):
        for opened in documents(workspace, Path(asked.path)):
            if isinstance(opened, Problem):
                if labelled:
                    raise ItemError(f"{opened.where}: {opened.what}", hint=opened.hint)
                continue
            located = [choose.locate_quote(quote, opened.letters, ()) for quote in quotes]
            found = sum(place is not None for place, _ in located)
            if labelled or (quotes and found >= _HALF * len(quotes)):
                asking = _asking(workspace, opened, asked.number)
                return take_for(workspace, answer, asking, named(asking), accept)
    return None


def take_for(
    workspace: Workspace,
    answer: str,
    asking: Asking,
    part: choose.Part | None,
    accept: str = "",
    model: Model | None = None,
) -> Taken:
    """Record the passages that an answer chose in a document, and their cards as drafts.

    Args:
        workspace: the workspace.
        answer: the text of the answer.
        asking: the document.
        part: the part that was asked about; None = it is not as it was.
        accept: the policy of `--accept`; "" = as in the settings.
        model: the model that answered, which may read its cards again; None = a chat.
    """
    ledger = workspace.ledger
    opened = asking.opened
    with workspace.locked("drafting"):
        chosen = choose.read(
            answer,
            opened.letters,
            {paragraph.page for paragraph in part.paragraphs} if part else set(),
            partial(highlight_at, opened.whole),
            repair_hints(),
            _spans(opened.letters, _known(workspace, opened)),
        )
        steps: list[Progress] = []
        drafted = []
        if chosen.choices:
            located = [choice.located for choice in chosen.choices]
            keys = _choose(workspace, opened, located, chosen_marks.CHAT, steps)
            origin = choose.origin_of(
                answer, _prompt(workspace), model.name if model else ""
            )
            for choice, key in zip(chosen.choices, keys, strict=True):
                if key:
                    highlight = cards.highlight_of(ledger, key)
                    drafts = choose.cards_of(choice, highlight, origin)
                    drafted.append(Drafted(highlight, drafts))
            job = replace(workspace.job(accept), model=model)
            steps += record(job, ledger, [drafted])
        if part in asking.left and chosen.quoted:
            asking.left.remove(part)
            _remember(workspace, asking)
    said = chosen.said
    if part is None and chosen.located < chosen.quoted:
        said += f"; {opened.name} changed since it was asked about"
    return Taken(
        drafted=tuple(drafted),
        unused=tuple(chosen.unused),
        steps=tuple(steps),
        asked=len(drafted),
        chosen=said if chosen.quoted else "",
        missing="" if chosen.quoted else what_is_missing(answer),
    )


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
    # the page shows the tags of HTML in a note, which are not in its text
    shown = map(letters.folded, (text, without_html(text)))
    wanted = next((each for each in shown if each in letters.text), "")
    places = list(letters.places(wanted))
    lead = letters.folded(before)[-_LEAD:]
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
    [key] = _choose(workspace, opened, [located], chosen_marks.PAGE, [])
    if key is None:
        raise UsageError("these words are not in the document any more")
    for _ in judge(workspace.job(), workspace.ledger):  # so that something is proposed
        pass
    return key


def _choose(
    workspace: Workspace,
    opened: OpenDocument,
    chosen: Sequence[Located],
    by: str,
    steps: list[Progress],
) -> list[HighlightKey | None]:
    """Record that stretches were chosen, and read their document; return their keys."""
    ledger = workspace.ledger
    passages = [highlight_at(opened.whole, located) for located in chosen]
    with ledger.action():
        events = []
        for passage, located in zip(passages, chosen, strict=True):
            place = (located.page, located.span[0])
            events.append(
                chosen_marks.choose(ledger, passage, opened.container, place, by)
            )
    sources = _sources_at(workspace, opened.path)
    steps.append(ingest(replace(workspace.job(), sources=sources), ledger))
    by_event = zip(events, passages, strict=True)
    return chosen_marks.keys_of(ledger, by_event, opened.container, opened.place)


def _spans(letters: Letters, known: Iterable[Highlight]) -> Iterator[Span]:
    """Yield where highlights are among the letters of their document."""
    for highlight in known:
        wanted = letters.folded(highlight.exact)
        place = next(letters.places(wanted), -1)
        if place >= 0:
            yield place, place + len(wanted)


# --- what was asked ---------------------------------------------------------------------------


def _asked(workspace: Workspace) -> list[AskedDocument]:
    """Return the documents that were asked about, the latest first."""
    file = workspace.folder.folder / _ASKED
    with suppress(OSError, OwnFileError, msgspec.MsgspecError):
        if file.is_there():
            return msgspec.json.decode(file.read(_LARGEST), type=list[AskedDocument])
    return []


def _remember(workspace: Workspace, asking: Asking) -> None:
    """Note which parts of a document are asked and answered, for an answer that comes later."""
    path = str(asking.opened.path)
    labels = tuple(part.label for part in asking.parts)
    left = {part.label for part in asking.left}
    answered = tuple(label for label in labels if label not in left)
    others = [asked for asked in _asked(workspace) if asked.path != path]
    asked = AskedDocument(path, asking.number, labels, answered)
    with suppress(OSError, OwnFileError):  # then an answer has to say it
        content = msgspec.json.encode([asked, *others][:_MOST_ASKED])
        (workspace.folder.folder / _ASKED).write(content)
