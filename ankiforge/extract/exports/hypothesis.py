"""Hypothesis: annotations of web pages and PDFs, from JSON of its API or its export.

    sources:
      - hypothesis: {path: ~/Downloads/annotations.json}

Supported are `{"rows": […]}` from the API, `{"annotations": […]}` from the export, and a list of
annotations. Replies are added to the annotation that starts their thread. The key of an annotation is its id. Of two copies, the one updated last counts.
Annotations by other people are reported but give no cards. The reader is given by `me`, or else by
the export.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.folder import ExportSource, Named, iso_time
from ankiforge.model import Extracted, Highlight, HighlightKind, Json, Problem, Strings, Value
from ankiforge.text.passages import CONTEXT, percent

HINT = "export it again at hypothes.is, or save what its API answers"
Settings = SourceSettings


class Annotation(Value):
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

    def selector(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of this type, "" if there is none."""
        lists = (one.get("selector") or [] for one in self.target or ())
        found = (one for some in lists for one in some if one.get("type") == kind)
        return next((one.get(name) for one in found), "") or ""

    def words(self, name: str) -> str:
        """Return a text of the quote, with white space as single blanks."""
        return re.sub(r"\s+", " ", str(self.selector("TextQuoteSelector", name)))

    def start(self) -> int:
        """Return where it begins in its page, -1 if unknown."""
        start = self.selector("TextPositionSelector", "start")
        return start if isinstance(start, int) else -1


def _user(name: str) -> str:
    return name.removeprefix("acct:").partition("@")[0].strip().casefold()


# --- the source -----------------------------------------------------------------------------


class Export(Value):
    """The JSON objects that contain annotations."""

    rows: tuple[msgspec.Raw, ...] = ()
    replies: tuple[msgspec.Raw, ...] = ()
    annotations: tuple[msgspec.Raw, ...] = ()
    export_userid: str = ""


Marks = list[Annotation]


class Hypothesis(ExportSource):
    """The annotations of some exports. `me` has user names: `ada` or `acct:ada@hypothes.is`."""

    kind = "hypothesis"
    ending = (".json",)
    by_several = True
    no_export, hint, rest = "it holds no annotations of Hypothesis", HINT, "cannot be read"

    def items(self, path: str, text: str) -> Iterator[tuple[str, Annotation] | Problem]:
        """Yield the annotations of a file, each with the user who exported it."""
        try:
            found = msgspec.json.decode(text, type=Export | tuple[msgspec.Raw, ...])
        except (msgspec.DecodeError, RecursionError) as error:
            raise ItemError(f"not a JSON export of hypothes.is: {error}", hint=HINT) from error
        export = found if isinstance(found, Export) else Export(found)
        rows = (*export.rows, *export.annotations, *export.replies)
        for number, row in enumerate(rows, start=1):
            try:
                yield _user(export.export_userid), msgspec.json.decode(row, type=Annotation)
            except (msgspec.DecodeError, RecursionError) as error:
                yield Problem(f"{path}: annotation {number}", f"{error}", "export again")

    def documents(self, found: list[tuple[str, Annotation]]) -> Iterator[Named]:
        """Yield one document per page, in the order of their first annotations, and a problem."""
        newest = dict[str, Annotation]()
        for _, mark in found:
            if mark.id not in newest or newest[mark.id].updated <= mark.updated:
                newest[mark.id] = mark
        replies, pages = dict[str, Marks](), dict[str, Marks]()
        for mark in sorted(newest.values(), key=lambda one: (one.created, one.id)):
            above = [one for one in mark.references or () if one in newest and one != mark.id]
            some, name = (replies, above[0]) if above else (pages, urldefrag(mark.uri).url)
            some.setdefault(name, []).append(mark)
        users = {mark.user for marks in pages.values() for mark in marks}
        me = frozenset(map(_user, self.me)) or {owner for owner, _ in found if owner}
        if len(users) > 1 and not me:  # several users, and none is known to be the reader
            what = f"annotations of {len(users)} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            yield "", iter((Problem(self.folder.name, what, hint, notice=True),))
        for uri, marks in pages.items():
            yield uri, self._page(uri, marks, replies, me)

    def _page(
        self, uri: str, marks: Marks, replies: dict[str, Marks], me: Collection[str]
    ) -> Iterator[Extracted]:
        # the page's title at that time, or else the file name, or the address
        given = (marks[0].document or {}).get("title") or ""
        title = " ".join(str(given[0] if isinstance(given, list) else given).split())
        title = title or unquote(urlsplit(uri).path.rstrip("/").rpartition("/")[2]) or uri
        web = uri if re.fullmatch(r"https?://\S+", uri) else ""
        urls = (("url", web),) if web else ()
        document = self.document((uri,), title, identifiers=urls, uri=web)
        made = []
        for mark in sorted(marks, key=Annotation.start):
            author, mine = _user(mark.user), not me or _user(mark.user) in me
            answers = (one for one in replies.get(mark.id, ()) if one.text)
            said = (f"— {_user(one.user)}: {one.text}" for one in answers)
            tags = (re.sub(r"\s+", "-", tag.strip()) for tag in mark.tags or ())
            exact = mark.words("exact").strip()  # "": a note about the page
            one = Highlight(
                document,
                self.folder.namespace,
                HighlightKind.HIGHLIGHT if exact else HighlightKind.NOTE,
                exact=exact,
                own=percent(mark.id),
                anchor_text="" if exact else (mark.text or mark.id),
                prefix=mark.words("prefix")[-CONTEXT:] if exact else "",
                suffix=mark.words("suffix")[:CONTEXT] if exact else "",
                comment="\n".join(filter(None, ((mark.text or "").strip(), *said))),
                instructs=mine,
                author=author,
                created=iso_time(mark.created),
                modified=iso_time(mark.updated) if mark.updated != mark.created else "",
                tags=tuple(filter(None, tags)),
                page_label=str(mark.selector("PageSelector", "label")),
                uri=f"https://hyp.is/{percent(mark.id)}",
                skip="" if mine else f"marked by {author or 'somebody else'}",
            )
            made.append(one)
        yield from self.extracted(document, made)


open_source = Hypothesis.open
