"""Make cards from a document without highlights: a chat or model chooses the passages.

path ─▶ source ─▶ text ─▶ parts ─▶ request ─▶ reply ─▶ chosen passages ─▶ pending drafts

Each chosen passage is recorded as an event (`ledger.chosen_passages`). The reader of the
document yields it as if it were highlighted, and from there on it is treated like any
highlight.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, chain
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from ankiforge.config.caches import Cache
from ankiforge.draft import choose_passages
from ankiforge.draft.prompt import ModelRequest, Prompt, load_prompt_file
from ankiforge.draft.reply_cards import list_quotes, parse_all_cards
from ankiforge.draft.reply_checks import explain_unusable_reply
from ankiforge.errors import ItemError, UsageError
from ankiforge.extract.chosen_passages import build_highlight
from ankiforge.extract.file_source import FileSource
from ankiforge.extract.files import NOTE_SUFFIXES, summarize_content
from ankiforge.extract.zotero.works import find_work
from ankiforge.ledger import cards
from ankiforge.ledger import chosen_passages as chosen_marks
from ankiforge.model import (
    Document,
    DocumentText,
    DraftingResult,
    Highlight,
    HighlightKey,
    Paragraph,
    Problem,
    Source,
    Span,
    Strings,
    Value,
)
from ankiforge.pipeline.draft import check_and_record_results, load_privacy_filter
from ankiforge.pipeline.draft import draft_pending_highlights as update_drafts
from ankiforge.pipeline.models import find_blocking_messages
from ankiforge.pipeline.run_result import (
    ChatExport,
    ChatImport,
    ChatReplyKind,
    CommandRunOptions,
    ModelProgress,
    RunParameters,
    RunResult,
    RunStep,
)
from ankiforge.pipeline.selection import select_sources
from ankiforge.pipeline.sources import ingest_sources, open_sources
from ankiforge.pipeline.stored_documents import find_moved_file
from ankiforge.pipeline.workspace import ShowProgress, Workspace, show_no_progress
from ankiforge.text import (
    contains_chat_prompt,
    format_count,
    format_truncated_list,
    shorten_path,
)
from ankiforge.text.located import DocumentLetters, PassageMatch, locate_quote
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    contains_private_tag,
    get_document_privacy_reason,
)

if TYPE_CHECKING:
    from ankiforge.draft.llm import Estimate, ModelDrafter
    from ankiforge.draft.privacy import PrivacyFilter

_UNMARKED = CommandRunOptions(unmarked=True)
# The cache entry with the documents whose text was last given to a chat or model. It isn't in the
# ledger, because an answer may come after the database was rebuilt.
_REQUESTS_NAME = "unmarked documents"
_MAX_STORED_REQUESTS = 1_000
_MAX_TRIED_DOCUMENTS = 5
"""The maximum number of documents to search for the quotes of a reply without labels."""
_MIN_QUOTE_FRACTION = 0.5
"""The minimum fraction of an unlabelled answer's quotes that a document must contain for the answer
to count as being about the document.
"""
_MISSING_MESSAGE = "the answer is about this document, which is not there any more"
_MISSING_HINT = (
    "if it moved: ankiforge run ITS/NEW/PLACE   then the answer again;"
    " renamed and edited: ask again"
)
NOTHING_TO_CHOOSE = "every document there has marks, or passages chosen before"


class StoredRequest(Value):
    """A request for passages from documents, as stored in the workspace."""

    paths: Strings
    number: int
    """The number of requested passages."""
    labels: Strings
    """The labels of the documents' parts, which replies repeat."""
    answered: Strings
    """The labels of the parts for which there is a reply."""
    contents: Strings = ()
    """The size and hash of each file (`summarize_content`)."""


class OpenDocument(NamedTuple):
    """A document with its file, its text, and an index of its letters for locating quotes."""

    path: Path
    container: str
    whole_text: DocumentText
    letters: DocumentLetters

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.name

    @property
    def character_count(self) -> int:
        """The length of the text in characters."""
        return sum(map(len, self.whole_text.pages))

    @property
    def location(self) -> str:
        """The document's path within its source, falling back to its key."""
        return self.whole_text.document.path or self.whole_text.document.key


class DocumentRequest(NamedTuple):
    """A request for passages from one or more documents, sent to a model or chat in parts.

    Several documents share a request if they are short enough to be sent together.
    """

    documents: tuple[OpenDocument, ...]
    passage_count: int
    """The number of requested passages."""
    whole_text: DocumentText
    """The text of the document, or the joined text of all documents."""
    letters: DocumentLetters
    left_out: tuple[choose_passages.OmittedText, ...]
    """The text that isn't sent."""
    parts: tuple[choose_passages.DocumentPart, ...]
    remaining_parts: list[choose_passages.DocumentPart]
    """The parts without an answer. Recording an answer removes its part."""

    @property
    def name(self) -> str:
        """The name of the first file, followed by the number of further files, if any."""
        first, *others = self.documents
        if not others:
            return first.name
        return f"{first.name} and {len(others):,} more"

    @property
    def paths(self) -> Strings:
        """The paths of the documents."""
        return tuple(str(document.path) for document in self.documents)

    @property
    def labels(self) -> Strings:
        """The labels of the parts."""
        return tuple(part.label for part in self.parts)

    @property
    def first_pages(self) -> tuple[int, ...]:
        """The index in `whole_text` of each document's first page."""
        page_counts = [len(each.whole_text.pages) for each in self.documents]
        return tuple(accumulate(page_counts[:-1], initial=0))

    def find_document_index(self, page: int) -> int:
        """Return the index of the document to which a page of `whole_text` belongs."""
        return bisect_right(self.first_pages, page) - 1

    def find_document(self, page: int) -> Document:
        """Return the document to which a page of `whole_text` belongs."""
        return self.documents[self.find_document_index(page)].whole_text.document

    def locate_in_document(
        self, match: PassageMatch
    ) -> tuple[OpenDocument, PassageMatch]:
        """Return the document that contains a match in `whole_text`, and the match in its text."""
        index = self.find_document_index(match.page)
        page = match.page - self.first_pages[index]
        return self.documents[index], match._replace(page=page)

    def build_highlight(self, located: PassageMatch) -> Highlight:
        """Build a highlight from a match in `whole_text`."""
        document, located = self.locate_in_document(located)
        return build_highlight(document.whole_text, located)

    def find_part(self, labels: Container[str]) -> choose_passages.DocumentPart | None:
        """Return the first part that has one of the labels of a reply, or None."""
        for part in self.parts:
            if part.label in labels:
                return part
        return None

    def is_answered_by(self, labels: Container[str], quotes: Sequence[str]) -> bool:
        """Return whether a reply with these labels and quotes is about the documents."""
        return self.find_part(labels) is not None or self.contains_quotes(quotes)

    def contains_quotes(self, quotes: Sequence[str]) -> bool:
        """Return whether the documents contain enough of these quotes to be what they are from."""
        if not quotes:
            return False
        found_count = 0
        for quote in quotes:
            match, _ = locate_quote(quote, self.letters, ())
            found_count += match is not None
        return found_count >= _MIN_QUOTE_FRACTION * len(quotes)

    @property
    def summary(self) -> str:
        """A summary in one line: how much text is still to be sent, and which text is left out."""
        size = sum(part.character_count for part in self.remaining_parts)
        summary = f"{self.name}: {size:,} characters"
        total, remaining = len(self.parts), len(self.remaining_parts)
        if total > 1:
            summary += f" in {format_count(remaining, 'part')}"
        if remaining < total:
            summary += f"; {total - remaining:,} of {total:,} are answered"
        return "; ".join((summary, *self._iter_omissions()))

    @property
    def omission_summary(self) -> str:
        """A summary in one line of the text that is left out and the pages without text, or ""."""
        return "; ".join(self._iter_omissions())

    def _iter_omissions(self) -> Iterator[str]:
        if self.left_out:
            names = [left_out.summary for left_out in self.left_out]
            yield f"left out: {format_truncated_list(names)}"
        if any(self.whole_text.page_labels):
            pages = self.whole_text.pages
            empty_count = sum(not page.strip() for page in pages)
            if empty_count:
                yield f"{empty_count:,} of {format_count(len(pages), 'page')} have no text"

    def format_part_name(self, part: choose_passages.DocumentPart) -> str:
        """Return the name of a part, e.g. `part 2 of 3`, or "" for the only part."""
        total = len(self.parts)
        if total == 1:
            return ""
        return f"part {self.parts.index(part) + 1} of {total}"

    def describe_part_request(self, part: choose_passages.DocumentPart) -> str:
        """Describe in one line how many passages are requested from `part`."""
        clauses = [
            f"Asks for {format_count(part.passage_count, 'passage')} of {self.name}"
        ]
        if len(self.parts) > 1:
            clauses.append(self.format_part_name(part))
        omissions = self.omission_summary
        if omissions:
            clauses.append(omissions)
        return ", ".join(clauses)


# --- documents --------------------------------------------------------------------------


def _open_sources_at(workspace: Workspace, paths: Sequence[Path]) -> tuple[Source, ...]:
    selected = select_sources(workspace.folder, tuple(paths), _UNMARKED).sources
    return open_sources(workspace.folder, workspace.ledger, selected, offline=True)


def open_documents(
    workspace: Workspace, paths: Sequence[Path], *, include_private: bool = False
) -> Iterator[OpenDocument | Problem]:
    """Open the documents at `paths`. Yield a problem for each document that must not be sent.

    With `include_private`, documents that the user marked as private are yielded as well.
    """
    for source in _open_sources_at(workspace, paths):
        if not isinstance(source, FileSource):
            continue
        for document_text in source.iter_whole_texts():
            if isinstance(document_text, Problem):
                yield document_text
                continue
            file, whole_text = document_text
            try:
                whole_text = _add_zotero_details(file, whole_text)
            except ItemError as error:
                yield Problem(whole_text.document.path, error.message, error.hint)
                continue
            document = whole_text.document
            reason = _find_reason_not_to_send(file, document, include_private)
            if reason is not None:
                hint = "nothing of it is sent"
                yield Problem(document.path, reason, hint, is_notice=True)
            elif not any(map(normalize_for_lookup, whole_text.pages)):
                yield _make_no_text_problem(document.path)
            else:
                letters = DocumentLetters(
                    whole_text.pages, choose_passages.blank_out_site_markup_and_times
                )
                yield OpenDocument(file, source.listing.container, whole_text, letters)


class _OpenedDocuments(NamedTuple):
    """The documents at some paths, and the problems with those that must not be sent."""

    documents: list[OpenDocument]
    problems: list[Problem]


def _open_all_documents(workspace: Workspace, paths: Sequence[Path]) -> _OpenedDocuments:
    opened = _OpenedDocuments([], [])
    for document in open_documents(workspace, paths):
        if isinstance(document, Problem):
            opened.problems.append(document)
        else:
            opened.documents.append(document)
    return opened


def _add_zotero_details(file: Path, whole_text: DocumentText) -> DocumentText:
    """Give a PDF the title, authors, tags and collections of its work in Zotero, if it has one.

    Raises:
        ItemError: The library of Zotero cannot be read.
    """
    if not whole_text.document.key.startswith("pdf:"):
        return whole_text
    work = find_work(file)
    if work is None:
        return whole_text
    document = replace(
        whole_text.document,
        title=work.title,
        creators=work.creators,
        tags=work.tags,
        collections=work.collections,
    )
    return replace(whole_text, document=document)


def _find_reason_not_to_send(
    file: Path, document: Document, include_private: bool
) -> str | None:
    """Return why no text of a document may be sent, or None if it may."""
    if not include_private:
        private_reason = get_document_privacy_reason(document)
        if private_reason is not None:
            return private_reason
        if any(map(contains_private_tag, file.parts)):
            return PRIVATE_DOCUMENT_REASON
    return _find_chat_reason(file)


def _find_chat_reason(file: Path) -> str | None:
    """Return why a file belongs to a conversation with a chat, or None if it doesn't."""
    if file.suffix.casefold() not in NOTE_SUFFIXES:
        return None
    try:
        text = file.read_text("utf-8", "replace")
    except OSError:
        return None
    if contains_chat_prompt(text):
        return "it is a prompt for a chat"
    if '"quote"' in text and any(parse_all_cards(text)):
        return "it is the answer of a chat"
    return None


def _make_no_text_problem(where: str) -> Problem:
    hint = "add a text layer (OCR); print a web page that is empty without scripts as PDF"
    return Problem(where, "it has no text", hint)


def prepare_requests(
    workspace: Workspace, path: Path, number: int
) -> tuple[list[DocumentRequest], list[Problem]]:
    """Prepare requests for passages from the documents at `path`.

    In a directory, documents with highlights or chosen passages are skipped, and short
    documents are combined into requests of about the length of one part.

    Args:
        workspace: The workspace, which remembers `path` for later runs.
        path: A file or directory.
        number: The number of passages to request from each long document, and on average
            from each combination of short ones.

    Raises:
        UsageError: `path` cannot be read.
        ItemError: `path` is a single document with nothing to choose from.
    """
    paths_before = workspace.folder.remembered_paths
    workspace.confirm_broad_paths([path])
    source_problems = _read_and_remember(workspace, path)
    documents, problems = _open_all_documents(workspace, [path])
    if not path.is_file():
        documents = [
            document
            for document in documents
            if not _load_known_highlights(workspace, document)
        ]
    requests = []
    for group, passage_count in _group_documents(documents, number):
        request = _prepare_request(workspace, group, passage_count)
        if request.remaining_parts:
            requests.append(request)
        else:
            message = "nothing in it is to be learnt from"
            problems.append(Problem(request.name, message, request.omission_summary))
    if not requests and not path.is_dir():
        workspace.remember_paths(paths_before)
        problem = problems[0] if problems else _make_no_text_problem(path.name)
        raise _make_item_error(problem)
    return requests, [*source_problems, *problems]


def _make_item_error(problem: Problem) -> ItemError:
    return ItemError(f"{problem.location}: {problem.message}", hint=problem.hint)


def _read_and_remember(workspace: Workspace, path: Path) -> list[Problem]:
    """Read all sources and those at `path`, which later runs read, too.

    Returns:
        The problems, without notices.
    """
    places = workspace.folder.remembered_paths
    with workspace.hold_lock("drafting"):
        selection = select_sources(workspace.folder, (path,), _UNMARKED)
        workspace.remember_paths(selection.remembered_paths)
        try:
            read_problems = workspace.read_sources().problems
        except BaseException:  # Ctrl-C, or a full disk: it was not read to its end
            workspace.remember_paths(places)
            raise
    problems = [*selection.problems, *read_problems]
    return [problem for problem in problems if not problem.is_notice]


def _group_documents(
    documents: Iterable[OpenDocument], number: int
) -> Iterator[tuple[list[OpenDocument], int]]:
    """Yield groups of documents to send together, each with the number of passages to request.

    A document that is longer than one part is a group of its own. Shorter documents are combined
    into groups of about equal length, and the number of passages of a group is proportional to
    its length.
    """
    short_documents = []
    for document in documents:
        if document.character_count > choose_passages.MAX_PART_CHARS:
            yield [document], number
        else:
            short_documents.append(document)
    total = sum(document.character_count for document in short_documents)
    group_count = ceil(total / choose_passages.MAX_PART_CHARS)
    groups = defaultdict[int, list[OpenDocument]](list)
    position = 0
    for document in short_documents:
        middle = position + document.character_count / 2
        groups[int(middle * group_count / total)].append(document)
        position += document.character_count
    for group in groups.values():
        size = sum(document.character_count for document in group)
        yield group, max(1, round(number * group_count * size / total))


def _prepare_request(
    workspace: Workspace, documents: Sequence[OpenDocument], number: int
) -> DocumentRequest:
    """Prepare the request for passages from documents that are sent together.

    If the same request was interrupted before, only the parts without a reply remain.
    """
    whole_text, letters = _join_documents(documents)
    paragraphs: list[Paragraph] = []
    left_out: list[choose_passages.OmittedText] = []
    first_page = 0  # of the document, in `whole_text`
    for document in documents:
        selected, omitted = choose_passages.partition_paragraphs(document.whole_text)
        for paragraph in selected:
            paragraphs.append(replace(paragraph, page=first_page + paragraph.page))
        left_out += omitted
        first_page += len(document.whole_text.pages)
    parts = tuple(choose_passages.split_document(whole_text, paragraphs, number))
    paths = tuple(str(document.path) for document in documents)
    labels = tuple(part.label for part in parts)
    answered_labels = _find_answered_labels(workspace, paths, number, labels)
    return DocumentRequest(
        tuple(documents),
        number,
        whole_text,
        letters,
        tuple(left_out),
        parts,
        remaining_parts=[part for part in parts if part.label not in answered_labels],
    )


def _join_documents(
    documents: Sequence[OpenDocument],
) -> tuple[DocumentText, DocumentLetters]:
    """Return the joined text of documents that are sent together, and the index of its letters."""
    if len(documents) == 1:
        [document] = documents
        return document.whole_text, document.letters
    title = documents[0].path.parent.name
    whole_texts = [document.whole_text for document in documents]
    whole_text = choose_passages.concatenate_documents(whole_texts, title)
    letters = DocumentLetters(
        whole_text.pages, choose_passages.blank_out_site_markup_and_times
    )
    return whole_text, letters


def _find_answered_labels(
    workspace: Workspace, paths: Strings, passage_count: int, labels: Strings
) -> Strings:
    """Return the labels of the parts that were answered before the same request was interrupted.

    `labels` are those of all its parts. They change with the text of the documents.
    """
    for stored in _load_requests(workspace):
        if stored.paths != paths or stored.number != passage_count:
            continue
        if stored.labels != labels:
            continue
        was_interrupted = set(stored.answered) != set(labels)
        if was_interrupted:
            return stored.answered
    return ()


def _load_known_highlights(workspace: Workspace, opened: OpenDocument) -> list[Highlight]:
    return chosen_marks.load_passages_not_to_choose(
        workspace.ledger, opened.container, opened.location
    )


# --- requests -------------------------------------------------------------------------------


def export_requests(workspace: Workspace, path: Path, number: int) -> ChatExport:
    """Build the prompts that ask a chat for passages from the documents at `path`.

    `number` is the number of passages to request per document.

    Raises:
        UsageError, ItemError: As for `prepare_requests`.
    """
    requests, problems = prepare_requests(workspace, path, number)
    texts: list[str] = []
    for request in requests:
        for part in request.remaining_parts:
            texts.append(build_chat_text(workspace, request, part))
    summary = NOTHING_TO_CHOOSE
    if requests:
        summary = "\n".join(request.summary for request in requests)
    return ChatExport(path.name, summary, tuple(texts), problems=tuple(problems))


def build_model_request(
    workspace: Workspace, request: DocumentRequest, part: choose_passages.DocumentPart
) -> ModelRequest:
    """Build the model request for one part of a document.

    It lists the passages already highlighted, so that they aren't chosen again, except for
    private ones.
    """
    privacy = _load_privacy_filter(workspace, request)
    known_highlights = []
    for document in request.documents:
        for highlight in _load_known_highlights(workspace, document):
            if not privacy.find_private_reason(highlight):
                known_highlights.append(highlight)
    find_document = None
    if len(request.documents) > 1:
        find_document = request.find_document
    return choose_passages.build_passage_selection_request(
        request.whole_text,
        part,
        _load_prompt(workspace),
        lambda words, document: privacy.mask_text(words, document.key),
        known_highlights,
        request.format_part_name(part),
        find_document,
    )


def _load_privacy_filter(workspace: Workspace, request: DocumentRequest) -> PrivacyFilter:
    whole_texts = [document.whole_text for document in request.documents]
    private_texts = map(DocumentText.list_private_texts, whole_texts)
    return load_privacy_filter(workspace.ledger, chain.from_iterable(private_texts))


def build_chat_text(
    workspace: Workspace, request: DocumentRequest, part: choose_passages.DocumentPart
) -> str:
    """Build the text to paste into a chat about a part of a document, and store the request.

    The stored request is what later assigns the reply to its document. The sources are read first,
    because text may have become private since the last part.
    """
    workspace.read_sources()
    _store_request(workspace, request)
    model_request = build_model_request(workspace, request, part)
    return model_request.to_chat_text(f"choose {part.passage_count_phrase}")


def estimate_requests(
    workspace: Workspace, requests: Iterable[DocumentRequest], drafter: str | None = None
) -> Estimate:
    """Estimate the size and cost of the model requests without sending them.

    Raises:
        UsageError: No model is configured.
    """
    model = workspace.build_model(drafter or "llm")
    assert model is not None
    model_requests: list[ModelRequest] = []
    passage_count = 0
    for request in requests:
        for part in request.remaining_parts:
            model_requests.append(build_model_request(workspace, request, part))
            passage_count += part.passage_count
    return model.estimate_requests(model_requests, passage_count)


def _load_prompt(workspace: Workspace) -> Prompt:
    return load_prompt_file("choose", workspace.folder.root)


# --- answers --------------------------------------------------------------------------------


def draft_from_documents(
    workspace: Workspace,
    requests: Sequence[DocumentRequest],
    drafter: str | None = None,
    show: ShowProgress = show_no_progress,
) -> RunResult:
    """Have the model choose passages in documents, part by part, and draft cards from them.

    Answers are recorded as they arrive, so an interrupted call can be resumed. If the model
    service fails, the error is stored in the result.
    """
    model = workspace.build_model(drafter or "llm")
    assert model is not None
    job = replace(workspace.build_run_parameters(), model=model)
    result = RunResult()
    steps = _iter_drafting_steps(workspace, job, model, requests)
    with workspace.hold_lock("drafting"):
        workspace.run_steps(result, steps, model, partial(show, ()))
    return result


def _iter_drafting_steps(
    workspace: Workspace,
    job: RunParameters,
    model: ModelDrafter,
    requests: Sequence[DocumentRequest],
) -> Iterator[RunStep]:
    """Send the remaining parts to a model, record its replies, and yield the steps.

    A part for which the model fails yields a problem, and remains.
    """
    total_passages = done_passages = 0
    for request in requests:
        for part in request.remaining_parts:
            total_passages += part.passage_count
    for request in requests:
        _store_request(workspace, request)
        for part in tuple(request.remaining_parts):  # recording a reply removes its part
            try:
                model_request = build_model_request(workspace, request, part)
                answer = model.request_reply(model_request)
            except ItemError as error:
                problem = Problem(request.name, error.message, error.hint)
                yield RunStep(problems=(problem,))
                continue
            outcome = record_document_answer(workspace, job, answer, request, part)
            yield from outcome.steps
            done_passages += part.passage_count
            yield RunStep(
                highlights=len(outcome.drafted),
                problems=outcome.unused,
                by_model=ModelProgress(
                    model.host, done_passages, total_passages, model.usage
                ),
            )


def record_chat_answer(
    workspace: Workspace,
    job: RunParameters,
    answer: str,
    about: DocumentRequest | None = None,
    *,
    only_labelled: bool = True,
) -> ChatImport | None:
    """Record the passages that a chat chose, and draft cards from them.

    Args:
        workspace: The workspace in which to record the passages and drafts.
        job: The parameters of the run, without a model.
        answer: The text of the reply.
        about: The request that the chat replied to, or None to find it by the labels in the
            reply.
        only_labelled: Ignore a reply without labels. Otherwise, its quotes are searched for
            in the documents of the latest requests.

    Returns:
        The result, or None if the reply matches no requested document.

    Raises:
        ItemError: The document of the reply cannot be read, or is missing and no document of
            the sources has its name and the quotes.
    """
    reply = _parse_reply(answer)
    stored_requests = _load_requests(workspace)
    labelled_requests = [
        stored for stored in stored_requests if reply.labels.intersection(stored.labels)
    ]
    if about is not None and all(each.path.exists() for each in about.documents):
        return _record_answer_about(
            workspace, job, answer, about, reply.labels, labelled_requests
        )
    if labelled_requests:
        request = _reopen_request_with_labels(workspace, labelled_requests, reply)
    elif only_labelled:
        request = None
    else:
        request = _reopen_request_with_quotes(workspace, stored_requests, reply)
    if request is None:
        return None
    if about is not None:  # its documents were moved since
        _remove_remaining_part(about, reply.labels)
    part = request.find_part(reply.labels)
    return record_document_answer(workspace, job, answer, request, part)


class _ChatReply(NamedTuple):
    labels: set[str]
    """The labels of the parts that its cards are about."""
    quotes: list[str]
    """The quotes of its cards."""


def _parse_reply(answer: str) -> _ChatReply:
    reply_cards, _ = parse_all_cards(answer)
    labels = {card.label for card in reply_cards if card.label is not None}
    return _ChatReply(labels, list_quotes(reply_cards))


def _reopen_request_with_labels(
    workspace: Workspace, labelled_requests: Iterable[StoredRequest], reply: _ChatReply
) -> DocumentRequest | None:
    """Prepare the request that a reply is about again, out of those that have its labels.

    Returns None if the documents of all these requests are others now.

    Raises:
        ItemError: A document can't be sent, or isn't at its path any more.
    """
    for stored in labelled_requests:
        request, problems = _reopen_request(workspace, stored)
        if request is not None:
            # a document that was found elsewhere may be another one with the same name
            is_at_old_place = {*request.paths} <= {*stored.paths}
            if is_at_old_place or request.is_answered_by(reply.labels, reply.quotes):
                return request
        if problems:
            raise _make_item_error(problems[0])
    return None


def _reopen_request_with_quotes(
    workspace: Workspace, stored_requests: Sequence[StoredRequest], reply: _ChatReply
) -> DocumentRequest | None:
    """Prepare the latest request whose documents contain the quotes of a reply again."""
    for stored in stored_requests[:_MAX_TRIED_DOCUMENTS]:
        request, _ = _reopen_request(workspace, stored)
        if request is not None and request.is_answered_by(reply.labels, reply.quotes):
            return request
    return None


def _record_answer_about(
    workspace: Workspace,
    job: RunParameters,
    answer: str,
    about: DocumentRequest,
    labels: Container[str],
    labelled_requests: Iterable[StoredRequest],
) -> ChatImport:
    """Record a reply to the request `about`, unless its labels are those of other requests.

    A reply without a label of `about` is taken to be about its first remaining part.

    Args:
        workspace: The workspace in which to record the passages and drafts.
        job: The parameters of the run.
        answer: The text of the reply.
        about: The request. Its documents must exist.
        labels: The labels in the reply.
        labelled_requests: The stored requests that have one of the labels.
    """
    part = about.find_part(labels)
    if part is not None:
        return record_document_answer(workspace, job, answer, about, part)
    labelled_paths = [path for stored in labelled_requests for path in stored.paths]
    is_about_others = set(about.paths).isdisjoint(labelled_paths)
    if labelled_paths and is_about_others:
        name = Path(labelled_paths[0]).name
        missing = f"it is about {name}: copy the chat's answer about this document"
        return ChatImport(ChatReplyKind.UNUSABLE, missing)
    if about.remaining_parts:
        part = about.remaining_parts[0]
    return record_document_answer(workspace, job, answer, about, part)


def _remove_remaining_part(request: DocumentRequest, labels: Container[str]) -> None:
    part = request.find_part(labels)
    if part in request.remaining_parts:
        request.remaining_parts.remove(part)


def _reopen_request(
    workspace: Workspace, stored: StoredRequest
) -> tuple[DocumentRequest | None, list[Problem]]:
    """Prepare a stored request again, with its documents wherever they are now.

    Returns:
        The request, or None if no document can be opened, and a problem for each document that
        can't be sent or isn't at its path any more.
    """
    files = _find_files_of_request(workspace, stored)
    existing_files = [file for file in dict.fromkeys(files) if file.exists()]
    documents: list[OpenDocument] = []
    problems: list[Problem] = []
    if existing_files:
        documents, problems = _open_all_documents(workspace, existing_files)
    for path in stored.paths:
        if not Path(path).exists():
            problems.append(Problem(shorten_path(path), _MISSING_MESSAGE, _MISSING_HINT))
    if not documents:
        return None, problems
    # in the order of the request, because the labels of its parts depend on it
    documents.sort(key=lambda document: files.index(document.path))
    return _prepare_request(workspace, documents, stored.number), problems


def _find_files_of_request(workspace: Workspace, stored: StoredRequest) -> list[Path]:
    """Return the files of a stored request, wherever they are now."""
    contents: Sequence[str | None] = stored.contents
    if not contents:
        contents = (None,) * len(stored.paths)
    files = []
    for path, content in zip(stored.paths, contents, strict=False):
        file = find_moved_file(workspace.folder, workspace.ledger, Path(path), content)
        files.append(file)
    return files


def record_document_answer(
    workspace: Workspace,
    job: RunParameters,
    answer: str,
    request: DocumentRequest,
    part: choose_passages.DocumentPart | None,
) -> ChatImport:
    """Record the passages that a reply chose, and draft cards from them.

    Args:
        workspace: The workspace in which to record the passages and drafts.
        job: The parameters of the run. Its model wrote the reply, and may also do the second
            reading. For the reply of a chat, the model is None.
        answer: The text of the reply.
        request: The request that was answered.
        part: The part of the request that was answered, or None if the reply has no label or
            the document has changed since.
    """
    part_pages: set[int] = set()
    if part is not None:
        part_pages = {paragraph.page for paragraph in part.paragraphs}
    with workspace.hold_lock("drafting"):
        reading = choose_passages.parse_chosen_passages(
            answer,
            request.letters,
            part_pages,
            make_highlight=request.build_highlight,
            find_faults=find_blocking_messages,
            taken_spans=_locate_known_highlights(workspace, request),
        )
        recorded = _draft_choices(workspace, job, answer, request, reading.choices)
        if part in request.remaining_parts and reading.card_count:
            request.remaining_parts.remove(part)
            _store_request(workspace, request)
    unused = _mask_problems(workspace, request, [*reading.problems, *recorded.lost])
    if not reading.card_count:
        if job.model is not None:
            return _report_unreadable_reply_of_model(request, answer)
        missing = explain_unusable_reply(answer)
        return ChatImport(ChatReplyKind.UNUSABLE, missing, unused=unused)
    summary = reading.summary
    has_missing_quotes = reading.located_count < reading.card_count
    if part is None and has_missing_quotes and _begins_with_label(answer):
        summary += f"; {request.name} changed since it was asked about"
    return ChatImport(
        ChatReplyKind.PASSAGES,
        summary,
        tuple(recorded.drafted),
        unused,
        tuple(recorded.steps),
    )


def _begins_with_label(answer: str) -> bool:
    """Return whether the first card of a reply has a label. The reply must have a card."""
    reply_cards, _ = parse_all_cards(answer)
    return bool(reply_cards[0].label)


def _mask_problems(
    workspace: Workspace, request: DocumentRequest, problems: Iterable[Problem]
) -> tuple[Problem, ...]:
    """Mask private text in problems, because the user may paste them into the chat."""
    privacy = _load_privacy_filter(workspace, request)
    masked = []
    for problem in problems:
        message = problem.message
        for document in request.documents:
            key = document.whole_text.document.key
            message = privacy.mask_text(message, document=key)
        masked.append(replace(problem, message=message))
    return tuple(masked)


def _report_unreadable_reply_of_model(
    request: DocumentRequest, answer: str
) -> ChatImport:
    """Say that a model's reply about a document has no card that can be read."""
    message = "the model's answer could not be read"
    beginning = " ".join(answer.split())[:80]
    if beginning:
        message = f"{message}: {beginning!r}"
    hint = "try another model, or load it with a larger context window"
    problem = Problem(request.name, message, hint)
    return ChatImport(ChatReplyKind.UNUSABLE, message, unused=(problem,))


class _RecordedChoices(NamedTuple):
    """What recording the passages that a reply chose, and its cards about them, resulted in."""

    drafted: list[DraftingResult]
    """The drafts for each passage."""
    lost: list[Problem]
    """A problem for each passage that isn't in its document any more."""
    steps: list[RunStep]


def _draft_choices(
    workspace: Workspace,
    job: RunParameters,
    answer: str,
    request: DocumentRequest,
    choices: Sequence[choose_passages.ChosenPassage],
) -> _RecordedChoices:
    """Record the passages that a reply chose, and its cards about them."""
    if not choices:
        return _RecordedChoices([], [], [])
    matches = [request.locate_in_document(choice.location) for choice in choices]
    passages = _record_choices(workspace, matches, chosen_marks.BY_CHAT)
    model_name = "" if job.model is None else job.model.name
    origin = choose_passages.make_reply_origin(
        answer, _load_prompt(workspace), model_name
    )
    drafted = []
    lost = []
    for choice, key in zip(choices, passages.keys, strict=True):
        if key is None:
            message = f"the document does not say “{choice.passage.exact[:60]}”"
            lost.append(Problem("", message))
        else:
            highlight = cards.load_highlight(workspace.ledger, key)
            drafts = choose_passages.make_drafts(choice, highlight, origin)
            drafted.append(DraftingResult(highlight, drafts))
    drafting_steps = check_and_record_results(job, workspace.ledger, [drafted])
    return _RecordedChoices(drafted, lost, [passages.step, *drafting_steps])


def create_highlight(
    workspace: Workspace, document: OpenDocument, match: PassageMatch
) -> HighlightKey:
    """Create a highlight from text that the user selected on the web page, and return its key."""
    passages = _record_choices(workspace, [(document, match)], chosen_marks.BY_PAGE)
    [key] = passages.keys
    if key is None:
        raise UsageError("these words are not in the document any more")
    # make proposals for the new highlight
    for _ in update_drafts(workspace.build_run_parameters(), workspace.ledger):
        pass
    return key


class _RecordedPassages(NamedTuple):
    """The highlights that chosen passages became."""

    keys: list[HighlightKey | None]
    """The highlight key for each choice, or None where the passage was not found."""
    step: RunStep
    """The result of reading the documents again."""


def _record_choices(
    workspace: Workspace,
    choices: Sequence[tuple[OpenDocument, PassageMatch]],
    chooser: str,
) -> _RecordedPassages:
    """Record chosen passages, and read their documents again to turn the passages into highlights.

    Args:
        workspace: The workspace in which to record the passages.
        choices: Pairs of a document and the match within it.
        chooser: Who chose the passages, `BY_CHAT` or `BY_PAGE`.
    """
    ledger = workspace.ledger
    event_ids = []
    with ledger.action():
        for document, match in choices:
            start, _ = match.span
            event_id = chosen_marks.record_chosen_passage(
                ledger,
                build_highlight(document.whole_text, match),
                document.container,
                (match.page, start),
                chooser,
            )
            event_ids.append(event_id)
    step = _read_again(workspace, [document.path for document, _ in choices])
    keys: list[HighlightKey | None] = []
    for (document, match), event_id in zip(choices, event_ids, strict=True):
        passage = build_highlight(document.whole_text, match)
        keys += chosen_marks.find_chosen_keys(
            ledger, [(event_id, passage)], document.container, document.location
        )
    return _RecordedPassages(keys, step)


def _read_again(workspace: Workspace, paths: Iterable[Path]) -> RunStep:
    """Read the documents at the paths, together with the passages that were chosen in them."""
    sources = _open_sources_at(workspace, [*dict.fromkeys(paths)])
    job = replace(workspace.build_run_parameters(), sources=sources)
    return ingest_sources(job, workspace.ledger)


def _locate_known_highlights(
    workspace: Workspace, request: DocumentRequest
) -> Iterator[Span]:
    """Yield the span of each known highlight in `request.letters`, at its first occurrence."""
    letters = request.letters
    for document, first_page in zip(request.documents, request.first_pages, strict=True):
        document_start, _ = letters.get_page_span(first_page)
        for highlight in _load_known_highlights(workspace, document):
            folded = letters.fold(highlight.exact)
            start = next(letters.find_occurrences(folded, document_start), None)
            if start is not None:
                yield start, start + len(folded)


# --- stored requests ------------------------------------------------------------------------


def _load_requests(workspace: Workspace) -> list[StoredRequest]:
    body = _get_cache(workspace).load(_REQUESTS_NAME)
    if not body:
        return []
    try:
        return msgspec.json.decode(body, type=list[StoredRequest])
    except msgspec.DecodeError:
        return []


def _get_cache(workspace: Workspace) -> Cache:
    return Cache(workspace.folder.state_directory, "requests")


def _store_request(workspace: Workspace, request: DocumentRequest) -> None:
    remaining_labels = {part.label for part in request.remaining_parts}
    answered = []
    for label in request.labels:
        if label not in remaining_labels:
            answered.append(label)
    contents = []
    for document in request.documents:
        contents.append(summarize_content(document.path) or "")
    entries = [
        StoredRequest(
            request.paths,
            request.passage_count,
            request.labels,
            tuple(answered),
            tuple(contents),
        )
    ]
    for stored in _load_requests(workspace):
        if stored.paths != request.paths:
            entries.append(stored)
    body = msgspec.json.encode(entries[:_MAX_STORED_REQUESTS])
    _get_cache(workspace).update({_REQUESTS_NAME: body})
