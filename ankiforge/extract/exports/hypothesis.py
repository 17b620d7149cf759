"""Hypothesis: annotations of web pages and PDFs, read from the JSON of its API or its export.

    sources:
      - hypothesis: {path: ~/Downloads/annotations.json}

The formats are `{"rows": […]}` from the API, `{"annotations": […]}` from the export, and a list
of annotations. A reply is added to the annotation that starts its thread. The key of a highlight
is the id of its annotation. If there are several copies of an annotation, the last updated one is
used. Other people's annotations are reported, but no cards are made from them. The user is named by
the setting `me` or, if it is empty, by the export.
"""

from __future__ import annotations

import re
from collections.abc import (
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

import msgspec
from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.exports import NamedSightings, TextExportSource
from ankiforge.extract.file_source import normalize_time
from ankiforge.model import (
    Document,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Json,
    Problem,
    Strings,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.comment_questions import format_reply
from ankiforge.text.keys import CONTEXT_CHARS, percent_encode
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    contains_private_tag,
    find_private_tag,
    has_private_tag,
)

EXPORT_HINT = "export it again at hypothes.is, or save the response of its API"
# Matches text that only occurs in Hypothesis annotations, or in an empty response of the API.
_HYPOTHESIS_JSON = regex(
    r'"(?:TextQuoteSelector|export_userid)"|hypothes\.is|"rows"\s*:\s*\[\s*\]'
)
_WEB_URL = regex(r"https?://\S+")


class WebAnnotation(Value):
    """An annotation from Hypothesis, with only the fields that are used here."""

    id: str
    uri: str = ""
    user: str = ""
    created: str = ""
    updated: str = ""
    text: str | None = ""
    tags: Strings | None = ()
    target: tuple[Json, ...] | None = ()
    references: Strings | None = ()
    document: Json | None = None

    @property
    def page_url(self) -> str:
        """The URL of the annotated page without its fragment."""
        return urldefrag(self.uri).url

    @property
    def title(self) -> str:
        """The title that the page had when it was annotated, or else its file name or URL."""
        document = self.document or {}
        raw_title = document.get("title") or ""
        if isinstance(raw_title, list):
            raw_title = raw_title[0]
        title = " ".join(str(raw_title).split())
        if title:
            return title
        path = urlsplit(self.page_url).path.rstrip("/")
        return unquote(path.rpartition("/")[2]) or self.page_url

    @property
    def quote(self) -> str | None:
        """The annotated text, or None for a note on the whole page."""
        return self.get_quote_text("exact").strip() or None

    @property
    def makes_page_private(self) -> bool:
        """Whether this is a note on the whole page and has the privacy tag."""
        if self.quote is not None:
            return False
        if has_private_tag(_normalize_tags(self)):
            return True
        return contains_private_tag(self.text or "")

    def get_selector_field(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of type `kind`, or None if it is missing."""
        for target in self.target or ():
            for selector in target.get("selector") or []:
                if selector.get("type") == kind:
                    return selector.get(name)
        return None

    def get_quote_text(self, name: str) -> str:
        """Return a field of the quote selector, and collapse its whitespace."""
        text = self.get_selector_field("TextQuoteSelector", name) or ""
        return re.sub(r"\s+", " ", str(text))

    @property
    def page_label(self) -> str:
        """The label of the annotated page of a PDF, or ""."""
        return str(self.get_selector_field("PageSelector", "label") or "")

    @property
    def start_offset(self) -> int:
        """Where the annotation begins in the text of the page, or -1 if that is unknown."""
        start = self.get_selector_field("TextPositionSelector", "start")
        if isinstance(start, int):
            return start
        return -1


def _normalize_user(name: str) -> str:
    """Return the casefolded name of a user, e.g. `ada` for `acct:Ada@hypothes.is`."""
    return name.removeprefix("acct:").partition("@")[0].strip().casefold()


# --- the source -------------------------------------------------------------------------


class HypothesisExport(Value):
    """The top-level JSON object of an export or of a response from the API."""

    rows: tuple[msgspec.Raw, ...] = ()
    replies: tuple[msgspec.Raw, ...] = ()
    annotations: tuple[msgspec.Raw, ...] = ()
    export_userid: str = ""


class Hypothesis(TextExportSource):
    """Reads annotations, possibly of several people, that were exported from Hypothesis.

    The `me` setting lists the user's own usernames, e.g. `ada` or `acct:ada@hypothes.is`.
    """

    kind = "hypothesis"
    suffixes = (".json",)
    has_several_authors = True
    wrong_file_message = "it contains no Hypothesis annotations"
    export_hint = EXPORT_HINT

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise an export by text that only occurs in annotations from Hypothesis."""
        if _HYPOTHESIS_JSON.search(candidate.head):
            return Confidence.CONTENT
        return Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return the reason why a file isn't an export from Hypothesis."""
        return "of JSON, only exports of Hypothesis and Bookcision are read"

    def parse_items(
        self, path: str, text: str
    ) -> Iterator[tuple[str, WebAnnotation] | Problem]:
        """Yield each annotation with the user who exported it, and problems for malformed ones.

        The user is "" if the file doesn't name the user.
        """
        export = _parse_export(text)
        owner = _normalize_user(export.export_userid)
        rows = (*export.rows, *export.annotations, *export.replies)
        for number, row in enumerate(rows, start=1):
            try:
                annotation = msgspec.json.decode(row, type=WebAnnotation)
            except (msgspec.DecodeError, RecursionError) as error:
                location = f"{path}: annotation {number}"
                yield Problem(location, f"{error}", "export again")
            else:
                yield owner, annotation

    def build_documents(
        self, items: list[tuple[str, WebAnnotation]]
    ) -> Iterator[NamedSightings]:
        """Yield one document per annotated page, in the order of the pages' first annotations.

        If several people made annotations and it is unknown which of them is the user, first yield
        a notice.
        """
        newest_by_id = _select_newest(annotation for _, annotation in items)
        threads = _group_into_threads(newest_by_id)
        me = self._find_own_names(owner for owner, _ in items)
        user_count = len({thread.annotation.user for thread in threads})
        if user_count > 1 and not me:
            message = f"annotations of {user_count} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            notice = Problem(self.listing.name, message, hint, is_notice=True)
            yield "", iter((notice,))
        threads_by_page: dict[str, list[_Thread]] = {}
        for thread in threads:
            threads_by_page.setdefault(thread.annotation.page_url, []).append(thread)
        for url, page_threads in threads_by_page.items():
            yield url, self._read_page(url, page_threads, me)

    def _read_page(
        self, url: str, threads: Sequence[_Thread], me: Collection[str]
    ) -> Iterator[ExtractedDocument]:
        """Return the document of a page, whose highlights are in the order of its text."""
        annotations = [thread.annotation for thread in threads]
        document = self._create_page(url, annotations)
        ordered = sorted(threads, key=lambda thread: thread.annotation.start_offset)
        highlights = [self._create_highlight(document, thread, me) for thread in ordered]
        return self.iter_document(document, highlights)

    def _find_own_names(self, owners: Iterable[str]) -> frozenset[str]:
        """Return the normalized names of the user, or none if they are unknown.

        Without the setting `me`, the user is whoever exported the annotations.
        """
        names = self.opening.me or filter(None, owners)
        return frozenset(map(_normalize_user, names))

    def _create_page(self, url: str, annotations: Sequence[WebAnnotation]) -> Document:
        document = self.create_document((url,), annotations[0].title)
        if _WEB_URL.fullmatch(url):
            document = replace(document, identifiers=(("url", url),), uri=url)
        if any(annotation.makes_page_private for annotation in annotations):
            document = replace(document, privacy_reason=PRIVATE_DOCUMENT_REASON)
        return document

    def _create_highlight(
        self, document: Document, thread: _Thread, me: Collection[str]
    ) -> Highlight:
        """Convert an annotation to a highlight, or to a note on the page if it has no quote."""
        annotation = thread.annotation
        kind = HighlightKind.NOTE
        anchor_text = annotation.text or annotation.id
        prefix = suffix = ""
        if annotation.quote is not None:
            kind = HighlightKind.HIGHLIGHT
            anchor_text = ""  # the quote is the anchor
            prefix = annotation.get_quote_text("prefix")[-CONTEXT_CHARS:]
            suffix = annotation.get_quote_text("suffix")[:CONTEXT_CHARS]
        author = _normalize_user(annotation.user)
        is_mine = not me or author in me
        skip_reason = None
        if not is_mine:
            skip_reason = f"marked by {author or 'somebody else'}"
        modified = ""
        if annotation.updated != annotation.created:
            modified = normalize_time(annotation.updated)
        reply_tags = chain.from_iterable(map(_normalize_tags, thread.replies))
        url_id = percent_encode(annotation.id)
        return Highlight(
            document,
            self.listing.namespace,
            kind,
            exact=annotation.quote or "",
            source_id=url_id,
            anchor_text=anchor_text,
            prefix=prefix,
            suffix=suffix,
            comment=_join_comments(thread),
            comment_is_instruction=is_mine,
            author=author,
            created=normalize_time(annotation.created),
            modified=modified,
            tags=_normalize_tags(annotation) + find_private_tag(reply_tags),
            page_label=annotation.page_label,
            uri=f"https://hyp.is/{url_id}",
            skip_reason=skip_reason,
        )


def _parse_export(text: str) -> HypothesisExport:
    """Parse an export, or a response from the API, which may be just a list of annotations.

    Raises:
        ItemError: The text is neither.
    """
    try:
        content = msgspec.json.decode(
            text, type=HypothesisExport | tuple[msgspec.Raw, ...]
        )
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"not a JSON export of hypothes.is: {error}"
        raise ItemError(message, hint=EXPORT_HINT) from error
    if isinstance(content, HypothesisExport):
        return content
    return HypothesisExport(rows=content)


class _Thread(NamedTuple):
    """An annotation and the replies to it, or to other replies, in the order of their creation."""

    annotation: WebAnnotation
    replies: list[WebAnnotation]


def _select_newest(annotations: Iterable[WebAnnotation]) -> dict[str, WebAnnotation]:
    """Return the last updated copy of each annotation, by id."""
    newest_by_id: dict[str, WebAnnotation] = {}
    for annotation in annotations:
        other = newest_by_id.get(annotation.id)
        if other is None or other.updated <= annotation.updated:
            newest_by_id[annotation.id] = annotation
    return newest_by_id


def _group_into_threads(annotations_by_id: Mapping[str, WebAnnotation]) -> list[_Thread]:
    """Group replies with the annotation that starts their thread, in the order of creation."""
    threads: dict[str, _Thread] = {}
    replies: list[tuple[str, WebAnnotation]] = []
    annotations = annotations_by_id.values()
    for annotation in sorted(annotations, key=lambda each: (each.created, each.id)):
        thread_id = _find_thread_start(annotation, annotations_by_id)
        if thread_id is None:
            threads[annotation.id] = _Thread(annotation, [])
        else:
            replies.append((thread_id, annotation))
    for thread_id, reply in replies:
        if thread_id in threads:
            threads[thread_id].replies.append(reply)
    return list(threads.values())


def _find_thread_start(
    annotation: WebAnnotation, known_ids: Container[str]
) -> str | None:
    """Return the id of the first known annotation above a reply, or None if there is none."""
    for ancestor_id in annotation.references or ():
        if ancestor_id in known_ids and ancestor_id != annotation.id:
            return ancestor_id
    return None


def _join_comments(thread: _Thread) -> str:
    """Join an annotation's comment and its replies. Replies of other users name their author."""
    author = _normalize_user(thread.annotation.user)
    comments = [(thread.annotation.text or "").strip()]
    for reply in thread.replies:
        if not reply.text:
            continue
        replier = _normalize_user(reply.user)
        if replier == author:
            comments.append(reply.text)
        else:
            comments.append(format_reply(replier, reply.text))
    return "\n".join(filter(None, comments))


def _normalize_tags(annotation: WebAnnotation) -> Strings:
    tags = [re.sub(r"\s+", "-", tag.strip()) for tag in annotation.tags or ()]
    return tuple(filter(None, tags))
