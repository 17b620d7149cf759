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
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.exports import NamedSightings, TextExportSource
from ankiforge.extract.file_source import normalize_time
from ankiforge.model import (
    Document,
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
        raw_title = (self.document or {}).get("title") or ""
        if isinstance(raw_title, list):
            raw_title = raw_title[0]
        title = " ".join(str(raw_title).split())
        if title:
            return title
        path = urlsplit(self.page_url).path.rstrip("/")
        return unquote(path.rpartition("/")[2]) or self.page_url

    @property
    def makes_page_private(self) -> bool:
        """Whether this is a note on the whole page and has the privacy tag."""
        if self.get_quote_text("exact").strip():
            return False
        return has_private_tag(_normalize_tags(self)) or contains_private_tag(
            self.text or ""
        )

    def get_selector_field(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of type `kind`, or "" if it is missing."""
        for target in self.target or ():
            for selector in target.get("selector") or []:
                if selector.get("type") == kind:
                    return selector.get(name) or ""
        return ""

    def get_quote_text(self, name: str) -> str:
        """Return a field of the quote selector, and collapse its whitespace."""
        return re.sub(
            r"\s+", " ", str(self.get_selector_field("TextQuoteSelector", name))
        )

    def get_start_offset(self) -> int:
        """Return where the annotation begins in the text of the page, or -1 if that is unknown."""
        start = self.get_selector_field("TextPositionSelector", "start")
        return start if isinstance(start, int) else -1


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
        is_export = _HYPOTHESIS_JSON.search(candidate.head)
        return Confidence.CONTENT if is_export else Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return the reason why a file isn't an export from Hypothesis."""
        return "it has no Hypothesis annotations"

    def parse_items(
        self, path: str, text: str
    ) -> Iterator[tuple[str, WebAnnotation] | Problem]:
        """Yield each annotation with the user who exported it, and problems for malformed ones.

        The user is "" if the file doesn't name the user.
        """
        try:
            content = msgspec.json.decode(
                text, type=HypothesisExport | tuple[msgspec.Raw, ...]
            )
        except (msgspec.DecodeError, RecursionError) as error:
            message = f"not a JSON export of hypothes.is: {error}"
            raise ItemError(message, hint=EXPORT_HINT) from error
        export = HypothesisExport(content) if isinstance(content, tuple) else content
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
        # keep only the last updated copy of each annotation
        newest_by_id: dict[str, WebAnnotation] = {}
        for _, annotation in items:
            other = newest_by_id.get(annotation.id)
            if other is None or other.updated <= annotation.updated:
                newest_by_id[annotation.id] = annotation

        # group annotations by page, and replies by the annotation that starts their thread
        pages: dict[str, list[WebAnnotation]] = {}
        replies: dict[str, list[WebAnnotation]] = {}
        for annotation in sorted(
            newest_by_id.values(),
            key=lambda annotation: (annotation.created, annotation.id),
        ):
            # the annotation that starts the thread of a reply, if it is known
            ancestors = [id for id in annotation.references or () if id in newest_by_id]
            thread_start = next((id for id in ancestors if id != annotation.id), "")
            if thread_start:
                replies.setdefault(thread_start, []).append(annotation)
            else:
                pages.setdefault(annotation.page_url, []).append(annotation)

        # without the setting `me`, the reader is the user who exported the annotations
        me = frozenset(
            map(
                _normalize_user, self.opening.me or [owner for owner, _ in items if owner]
            )
        )
        users = {annotation.user for annotation in chain.from_iterable(pages.values())}
        if len(users) > 1 and not me:
            message = f"annotations of {len(users)} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            notice = Problem(self.listing.name, message, hint, is_notice=True)
            yield "", iter((notice,))
        for uri, page_annotations in pages.items():
            url = uri if _WEB_URL.fullmatch(uri) else ""
            document = self.create_document(
                (uri,),
                page_annotations[0].title,
                identifiers=(("url", url),) if url else (),
                uri=url,
                privacy_reason=PRIVATE_DOCUMENT_REASON
                if any(annotation.makes_page_private for annotation in page_annotations)
                else None,
            )
            page_annotations.sort(key=WebAnnotation.get_start_offset)
            highlights = [
                self._create_highlight(document, mark, replies.get(mark.id, ()), me)
                for mark in page_annotations
            ]
            yield uri, self.iter_document(document, highlights)

    def _create_highlight(
        self,
        document: Document,
        annotation: WebAnnotation,
        replies: Sequence[WebAnnotation],
        me: Collection[str],
    ) -> Highlight:
        """Convert an annotation to a highlight, or to a note on the page if it has no quote."""
        author = _normalize_user(annotation.user)
        is_mine = not me or author in me
        tags = _normalize_tags(annotation)
        tags += find_private_tag(chain.from_iterable(map(_normalize_tags, replies)))
        exact = annotation.get_quote_text("exact").strip()
        modified = annotation.updated if annotation.updated != annotation.created else ""
        return Highlight(
            document,
            self.listing.namespace,
            HighlightKind.HIGHLIGHT if exact else HighlightKind.NOTE,
            exact=exact,
            source_id=percent_encode(annotation.id),
            anchor_text="" if exact else (annotation.text or annotation.id),
            prefix=annotation.get_quote_text("prefix")[-CONTEXT_CHARS:] if exact else "",
            suffix=annotation.get_quote_text("suffix")[:CONTEXT_CHARS] if exact else "",
            comment=_join_comments(annotation, replies),
            comment_is_instruction=is_mine,
            author=author,
            created=normalize_time(annotation.created),
            modified=normalize_time(modified),
            tags=tags,
            page_label=str(annotation.get_selector_field("PageSelector", "label")),
            uri=f"https://hyp.is/{percent_encode(annotation.id)}",
            skip_reason=None if is_mine else f"marked by {author or 'somebody else'}",
        )


def _join_comments(annotation: WebAnnotation, replies: Iterable[WebAnnotation]) -> str:
    """Join an annotation's comment and its replies. Replies of other users name their author."""
    comments = [(annotation.text or "").strip()]
    for reply in replies:
        replier, text = _normalize_user(reply.user), reply.text or ""
        if text and replier != _normalize_user(annotation.user):
            text = format_reply(replier, text)
        comments.append(text)
    return "\n".join(filter(None, comments))


def _normalize_tags(annotation: WebAnnotation) -> Strings:
    tags = [re.sub(r"\s+", "-", tag.strip()) for tag in annotation.tags or ()]
    return tuple(filter(None, tags))
