"""Hypothesis: annotations of web pages and PDFs, from JSON of its API or its export.

    sources:
      - hypothesis: {path: ~/Downloads/annotations.json}

Supported are `{"rows": […]}` from the API, `{"annotations": […]}` from the export, and a
list of annotations. Replies are added to the annotation that starts their thread. The key
of an annotation is its id. Of two copies, the one updated last counts. Annotations by
other people are reported but give no cards. The reader is given by `me`, or else by the
export.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, Recognition
from ankiforge.extract.exports import ExportSource, Named
from ankiforge.extract.folder import iso_time
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
from ankiforge.text.asking import reply_lines
from ankiforge.text.keys import CONTEXT, percent
from ankiforge.text.private import IN_ITS_NOTE, has_tag, is_tagged, tag_among

HINT = "export it again at hypothes.is, or save what its API answers"
# What only annotations of Hypothesis have, or an answer of its API without any.
_ANNOTATIONS = regex(
    r'"(?:TextQuoteSelector|export_userid)"|hypothes\.is|"rows"\s*:\s*\[\s*\]'
)
_WEB_ADDRESS = regex(r"https?://\S+")


class WebAnnotation(Value):
    """The fields of an annotation that are used."""

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
    def page(self) -> str:
        """The address of its page, without the place in it."""
        return urldefrag(self.uri).url

    @property
    def title(self) -> str:
        """The title of its page at that time, else the file name, or the address."""
        given = (self.document or {}).get("title") or ""
        if isinstance(given, list):
            given = given[0]
        title = " ".join(str(given).split())
        if title:
            return title
        path = urlsplit(self.page).path.rstrip("/")
        return unquote(path.rpartition("/")[2]) or self.page

    @property
    def makes_private(self) -> bool:
        """Whether it is a note about its page that has the tag."""
        if self.words("exact").strip():
            return False
        return is_tagged(_tags(self)) or has_tag(self.text or "")

    def selector(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of this type, "" if there is none."""
        for target in self.target or ():
            for selector in target.get("selector") or []:
                if selector.get("type") == kind:
                    return selector.get(name) or ""
        return ""

    def words(self, name: str) -> str:
        """Return a text of the quote, with white space as single blanks."""
        return re.sub(r"\s+", " ", str(self.selector("TextQuoteSelector", name)))

    def start(self) -> int:
        """Return the annotation's start in the text of its page; -1 if unknown."""
        start = self.selector("TextPositionSelector", "start")
        return start if isinstance(start, int) else -1


def _user(name: str) -> str:
    return name.removeprefix("acct:").partition("@")[0].strip().casefold()


# --- the source -------------------------------------------------------------------------


class HypothesisExport(Value):
    """The JSON objects that contain annotations."""

    rows: tuple[msgspec.Raw, ...] = ()
    replies: tuple[msgspec.Raw, ...] = ()
    annotations: tuple[msgspec.Raw, ...] = ()
    export_userid: str = ""


class Hypothesis(ExportSource):
    """The annotations of some exports. `me` has user names: `ada` or `acct:ada@hypothes.is`."""

    kind = "hypothesis"
    endings = (".json",)
    by_several = True
    not_an_export = "it holds no annotations of Hypothesis"
    hint = HINT
    rest = "cannot be read"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file has annotations of Hypothesis, or could have."""
        if _ANNOTATIONS.search(candidate.head):
            return Recognition(Confidence.CONTENT)
        return Recognition(Confidence.NO, "it has no annotations of Hypothesis")

    def items(
        self, path: str, text: str
    ) -> Iterator[tuple[str, WebAnnotation] | Problem]:
        """Yield the annotations of a file, each with the user who exported it."""
        try:
            content = msgspec.json.decode(
                text, type=HypothesisExport | tuple[msgspec.Raw, ...]
            )
        except (msgspec.DecodeError, RecursionError) as error:
            message = f"not a JSON export of hypothes.is: {error}"
            raise ItemError(message, hint=HINT) from error
        export = (
            content
            if isinstance(content, HypothesisExport)
            else HypothesisExport(content)
        )
        owner = _user(export.export_userid)
        rows = (*export.rows, *export.annotations, *export.replies)
        for number, row in enumerate(rows, start=1):
            try:
                annotation = msgspec.json.decode(row, type=WebAnnotation)
            except (msgspec.DecodeError, RecursionError) as error:
                where = f"{path}: annotation {number}"
                yield Problem(where, f"{error}", "export again")
            else:
                yield owner, annotation

    def documents(self, items: list[tuple[str, WebAnnotation]]) -> Iterator[Named]:
        """Yield one document per page, in the order of their first annotations, and a problem."""
        # of each annotation the copy that was updated last
        newest: dict[str, WebAnnotation] = {}
        for _, annotation in items:
            other = newest.get(annotation.id)
            if other is None or other.updated <= annotation.updated:
                newest[annotation.id] = annotation

        # the annotations of each page, and the replies by the annotation that starts their thread
        pages: dict[str, list[WebAnnotation]] = {}
        replies: dict[str, list[WebAnnotation]] = {}
        for mark in sorted(newest.values(), key=lambda mark: (mark.created, mark.id)):
            head = _head_of_thread(mark, newest)
            if head:
                replies.setdefault(head, []).append(mark)
            else:
                pages.setdefault(mark.page, []).append(mark)

        # without the setting, who exported the annotations is the reader
        me = frozenset(map(_user, self.me or [owner for owner, _ in items if owner]))
        users = {mark.user for mark in chain.from_iterable(pages.values())}
        if len(users) > 1 and not me:
            message = f"annotations of {len(users)} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            notice = Problem(self.folder.name, message, hint, notice=True)
            yield "", iter((notice,))
        for uri, marks in pages.items():
            address = uri if _WEB_ADDRESS.fullmatch(uri) else ""
            document = self.document(
                (uri,),
                marks[0].title,
                identifiers=(("url", address),) if address else (),
                uri=address,
                private=IN_ITS_NOTE if any(mark.makes_private for mark in marks) else "",
            )
            highlights = []
            for mark in sorted(marks, key=WebAnnotation.start):
                answers = replies.get(mark.id, ())
                highlights.append(self._highlight(document, mark, answers, me))
            yield uri, self.extracted(document, highlights)

    def _highlight(
        self,
        document: Document,
        annotation: WebAnnotation,
        replies: Sequence[WebAnnotation],
        me: Collection[str],
    ) -> Highlight:
        """Return the highlight of an annotation. One without a quote is a note about the page."""
        author = _user(annotation.user)
        is_mine = not me or author in me
        tags = _tags(annotation)
        tags += tag_among(chain.from_iterable(map(_tags, replies)))
        exact = annotation.words("exact").strip()
        modified = annotation.updated
        if modified == annotation.created:
            modified = ""
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.HIGHLIGHT if exact else HighlightKind.NOTE,
            exact=exact,
            own=percent(annotation.id),
            anchor_text="" if exact else (annotation.text or annotation.id),
            prefix=annotation.words("prefix")[-CONTEXT:] if exact else "",
            suffix=annotation.words("suffix")[:CONTEXT] if exact else "",
            comment=_comment(annotation, replies),
            instructs=is_mine,
            author=author,
            created=iso_time(annotation.created),
            modified=iso_time(modified),
            tags=tags,
            page_label=str(annotation.selector("PageSelector", "label")),
            uri=f"https://hyp.is/{percent(annotation.id)}",
            skip="" if is_mine else f"marked by {author or 'somebody else'}",
        )


def _head_of_thread(mark: WebAnnotation, known: Collection[str]) -> str:
    """Return the id of the annotation that starts the thread of a reply.

    "" for an annotation of the page, and for a reply whose thread is not there.
    """
    for above in mark.references or ():
        if above in known and above != mark.id:
            return above
    return ""


def _comment(annotation: WebAnnotation, replies: Iterable[WebAnnotation]) -> str:
    """Return the comment of its author on an annotation, and the replies to it."""
    comments = [(annotation.text or "").strip()]
    for reply in replies:
        if not reply.text:
            continue
        replier = _user(reply.user)
        if replier == _user(annotation.user):
            comments.append(reply.text)
        else:
            comments.append(reply_lines(replier, reply.text))
    return "\n".join(filter(None, comments))


def _tags(annotation: WebAnnotation) -> Strings:
    """Return the tags of an annotation, without blanks in them."""
    tags = [re.sub(r"\s+", "-", tag.strip()) for tag in annotation.tags or ()]
    return tuple(filter(None, tags))
