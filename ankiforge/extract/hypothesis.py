"""Hypothesis: annotations of web pages and PDFs, from JSON of its API or its export.

    sources:
      - hypothesis: {path: ~/Downloads/annotations.json}

Supported are `{"rows": […]}` from the API, `{"annotations": […]}` from the export, a list of
annotations, and one annotation per line (`.jsonl`). Replies are added to the annotation that starts
their thread. The key of an annotation is its id. Of two copies, the one updated last counts.
Annotations by other people are reported but give no cards. The reader is given by `me`, or else by
the export.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import of_one
from ankiforge.extract.folder import ExportSource, File, iso_time
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    h16,
)
from ankiforge.text.passages import CONTEXT, percent

LARGEST = 64_000_000
"""The maximum size of a file in bytes: a hundred thousand annotations."""
HINT = "export it again at hypothes.is, or save what its API answers"


Settings = SourceSettings


class Annotation(msgspec.Struct, frozen=True):
    """The fields of an annotation that are used."""

    id: str
    uri: str = ""
    user: str = ""
    created: str = ""
    updated: str = ""
    text: str | None = ""
    tags: tuple[str, ...] | None = ()
    target: tuple[dict[str, Any], ...] | None = ()
    references: tuple[str, ...] | None = ()
    document: Any = None
    links: Any = None

    def selector(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of this type, "" if there is none."""
        lists = (one.get("selector") or [] for one in self.target or ())
        found = (one for some in lists for one in some if one.get("type") == kind)
        return next((one.get(name) for one in found), "") or ""

    def words(self, kind: str, name: str) -> str:
        """Return the text of a selector, with white space as single blanks."""
        return re.sub(r"\s+", " ", str(self.selector(kind, name)))

    @property
    def page(self) -> str:
        """The URL of the page without the fragment."""
        return urldefrag(self.uri).url

    @property
    def order(self) -> tuple[int, int, str, str]:
        """A sort key for reading order: by position if it is known, else by creation time."""
        page = self.selector("PageSelector", "index")
        start = self.selector("TextPositionSelector", "start")
        page, start = (place if isinstance(place, int) else -1 for place in (page, start))
        return page, start, self.created, self.id

    @property
    def author(self) -> str:
        """The user name: `ada` for `acct:ada@hypothes.is`."""
        return _user(self.user)


def _user(name: str) -> str:
    return name.removeprefix("acct:").partition("@")[0].strip().casefold()


# --- the source -----------------------------------------------------------------------------


class Export(msgspec.Struct, frozen=True):
    """The JSON objects that contain annotations."""

    rows: tuple[msgspec.Raw, ...] = ()
    replies: tuple[msgspec.Raw, ...] = ()
    annotations: tuple[msgspec.Raw, ...] = ()
    export_userid: str = ""


class Hypothesis(ExportSource):
    """The annotations of some exports. `me` has user names: `ada` or `acct:ada@hypothes.is`."""

    kind = "hypothesis"
    ending = (".json", ".jsonl")
    by_several = True
    no_export, hint = "it holds no annotations of Hypothesis", HINT
    rest = "cannot be read"

    def read(self) -> Iterator[Sighting]:
        """Yield one document per page, in the order of their first annotations, and problems."""
        owners, newest = set[str](), dict[str, Annotation]()
        paths: dict[str, str] = {}
        for file in self.files():
            for found in [file] if isinstance(file, Problem) else self.contents(file):
                if isinstance(found, Problem):
                    yield found
                elif isinstance(found, str):
                    owners.add(found)
                elif found.id not in newest or newest[found.id].updated <= found.updated:
                    newest[found.id] = found
                    paths[found.page] = getattr(file, "path", "")
        replies: dict[str, list[Annotation]] = {}
        pages: dict[str, list[Annotation]] = {}
        for mark in sorted(newest.values(), key=lambda one: (one.created, one.id)):
            root = next((above for above in mark.references or () if above in newest), mark.id)
            if root == mark.id:
                pages.setdefault(mark.page, []).append(mark)
            else:
                replies.setdefault(root, []).append(mark)
        users = {mark.user for marks in pages.values() for mark in marks}
        me = frozenset(map(_user, self.me)) or frozenset(owners)
        if len(users) > 1 and not me:  # several users, and none is known to be the reader
            what = f"annotations of {len(users)} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            yield Problem(", ".join(sorted(set(paths.values()))[:3]), what, hint, notice=True)
        for uri, marks in pages.items():
            yield from of_one(paths[uri], self._page(uri, marks, replies, me))

    def items(self, file: File) -> Iterator[Annotation | str | Problem]:
        """Yield the annotations of a file, and the user who exported it."""
        rows, owner = _rows(file.text(LARGEST))
        if owner:
            yield _user(owner)
        for number, row in enumerate(rows, start=1):
            try:
                yield msgspec.json.decode(row, type=Annotation)
            except (msgspec.DecodeError, RecursionError) as error:
                yield Problem(f"{file.path}: annotation {number}", f"{error}", "export again")

    def _page(
        self,
        uri: str,
        marks: list[Annotation],
        replies: dict[str, list[Annotation]],
        me: frozenset[str],
    ) -> Iterator[Extracted]:
        # the page's title at that time, or else the file name, or the address
        told = marks[0].document
        given = told.get("title") if isinstance(told, dict) else None
        first = given[0] if isinstance(given, list) and given else given
        title = " ".join(first.split()) if isinstance(first, str) else ""
        file = unquote(urlsplit(uri).path.rstrip("/").rpartition("/")[2])
        on_web = bool(re.fullmatch(r"https?://\S+", uri))
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(uri)}"),
            self.folder.name,
            title=title or file or uri,
            identifiers=(("url", uri),) if on_web else (),
            uri=uri if on_web else "",
        )
        made = (
            self._highlight(document, mark, replies.get(mark.id, []), me)
            for mark in sorted(marks, key=lambda one: one.order)
        )
        yield Extracted(document, tuple(made), self.folder.container)

    def _highlight(
        self, document: Document, mark: Annotation, replies: list[Annotation], me: frozenset[str]
    ) -> Highlight:
        mine = not me or mark.author in me
        replied = [f"— {reply.author}: {reply.text}" for reply in replies if reply.text]
        exact = mark.words("TextQuoteSelector", "exact").strip()  # "": a note about the page
        links = mark.links if isinstance(mark.links, dict) else {}
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.HIGHLIGHT if exact else HighlightKind.NOTE,
            exact=exact,
            own=percent(mark.id),
            anchor_text="" if exact else (mark.text or mark.id),
            prefix=mark.words("TextQuoteSelector", "prefix")[-CONTEXT:] if exact else "",
            suffix=mark.words("TextQuoteSelector", "suffix")[:CONTEXT] if exact else "",
            comment="\n".join(filter(None, ((mark.text or "").strip(), *replied))),
            instructs=mine,
            author=mark.author,
            created=iso_time(mark.created),
            modified=iso_time(mark.updated) if mark.updated != mark.created else "",
            tags=tuple(re.sub(r"\s+", "-", tag.strip()) for tag in mark.tags or () if tag.strip()),
            page_label=str(mark.selector("PageSelector", "label")),
            uri=str(links.get("incontext") or f"https://hyp.is/{percent(mark.id)}"),
            skip="" if mine else f"marked by {mark.author or 'somebody else'}",
        )


open_source = Hypothesis.open


def _rows(text: str) -> tuple[tuple[msgspec.Raw | str, ...], str]:
    """Return the annotations of a file as raw JSON, and the user who exported it.

    Raises:
        ItemError: the file is not JSON.
    """
    lines = tuple(line for line in text.split("\n") if line.strip())
    if len(lines) > 1 and all(line[0] == "{" and line.rstrip()[-1] == "}" for line in lines):
        return lines, ""
    try:
        if text.lstrip().startswith("["):
            return msgspec.json.decode(text, type=tuple[msgspec.Raw, ...]), ""
        export = msgspec.json.decode(text, type=Export)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ItemError(f"not a JSON export of hypothes.is: {error}", hint=HINT) from error
    return (*export.rows, *export.annotations, *export.replies), export.export_userid
