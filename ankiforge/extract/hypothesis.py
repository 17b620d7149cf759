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
    user_info: Any = None

    def selector(self, kind: str, name: str) -> Any:
        """Return a field of the first selector of this type, "" if there is none."""
        every = (one.get("selector") for one in self.target or ())
        found = (
            one for some in every if isinstance(some, list) for one in some if isinstance(one, dict)
        )
        return next((one.get(name) for one in found if one.get("type") == kind), "") or ""

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
        places = (
            self.selector("PageSelector", "index"),
            self.selector("TextPositionSelector", "start"),
        )
        page, start = (place if isinstance(place, int) else -1 for place in places)
        return page, start, self.created, self.id

    @property
    def author(self) -> str:
        """The author's display name, or else the user name."""
        return _text(self.user_info, "display_name") or _user(self.user)


def _text(values: Any, key: str) -> str:
    """Return the text under a key of a mapping. "" if it is not a mapping or not text."""
    value = values.get(key) if isinstance(values, dict) else ""
    return value if isinstance(value, str) else ""


def _user(name: str) -> str:
    """Return `ada` for `acct:ada@hypothes.is`."""
    return name.removeprefix("acct:").partition("@")[0].strip().casefold()


# --- the source -----------------------------------------------------------------------------


class Export(msgspec.Struct, frozen=True):
    """The JSON objects that contain annotations."""

    rows: tuple[msgspec.Raw, ...] = ()
    replies: tuple[msgspec.Raw, ...] = ()
    annotations: tuple[msgspec.Raw, ...] = ()
    export_userid: str = ""
    id: str = ""


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
            if isinstance(file, Problem):
                yield file
                continue
            for found in self.contents(file):
                if isinstance(found, Problem):
                    yield found
                elif isinstance(found, str):
                    owners.add(found)
                elif found.id not in newest or newest[found.id].updated <= found.updated:
                    newest[found.id] = found
                    paths[found.page] = file.path
        threads = _threads(newest)
        users = {newest[root].user for root in threads}
        me = frozenset(map(_user, self.me)) or owners
        if len(users) > 1 and not me:  # several users, and none is known to be the reader
            what = f"annotations of {len(users)} users, and all of them count as yours"
            hint = "name yourself: `me: [your user name]` in ankiforge.yaml"
            yield Problem(", ".join(sorted(set(paths.values()))[:3]), what, hint, notice=True)
        pages: dict[str, list[Annotation]] = {}
        for root in threads:
            pages.setdefault(newest[root].page, []).append(newest[root])

        def page(uri: str, roots: list[Annotation]) -> Iterator[Extracted]:
            document = self._document(uri, roots[0])
            ordered = sorted(roots, key=lambda root: root.order)
            made = (self._highlight(document, root, threads[root.id], me) for root in ordered)
            yield Extracted(document, tuple(made), self.folder.container)

        for uri, roots in pages.items():
            yield from of_one(paths[uri], page(uri, roots))

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

    def _document(self, uri: str, mark: Annotation) -> Document:
        # the page's title at that time, or else the file name, or the address
        given = mark.document.get("title") if isinstance(mark.document, dict) else None
        first = given[0] if isinstance(given, list) and given else given
        title = " ".join(first.split()) if isinstance(first, str) else ""
        file = unquote(urlsplit(mark.uri).path.rstrip("/").rpartition("/")[2])
        on_web = bool(re.fullmatch(r"https?://\S+", uri))
        return Document(
            DocumentKey(f"{self.folder.namespace}/{h16(uri)}"),
            self.folder.name,
            title=title or file or mark.uri,
            identifiers=(("url", uri),) if on_web else (),
            uri=uri if on_web else "",
        )

    def _highlight(
        self,
        document: Document,
        mark: Annotation,
        replies: list[Annotation],
        me: frozenset[str] | set[str],
    ) -> Highlight:
        mine = not me or _user(mark.user) in me or mark.author.casefold() in me
        replied = [f"— {reply.author}: {reply.text}" for reply in replies if reply.text]
        exact = mark.words("TextQuoteSelector", "exact").strip()  # "": a note about the page
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
            heading=mark.words("EPUBContentSelector", "title"),
            uri=_text(mark.links, "incontext") or f"https://hyp.is/{percent(mark.id)}",
            skip="" if mine else f"marked by {mark.author or 'somebody else'}",
        )


open_source = Hypothesis.open


def _rows(text: str) -> tuple[tuple[msgspec.Raw | str, ...], str]:
    """Return the annotations of a file as raw JSON, and the user who exported it.

    Raises:
        ItemError: the file is not JSON.
    """
    try:
        if text.lstrip().startswith("["):
            return msgspec.json.decode(text, type=tuple[msgspec.Raw, ...]), ""
        export = msgspec.json.decode(text, type=Export)
    except (msgspec.DecodeError, RecursionError) as error:
        lines = tuple(line for line in text.split("\n") if line.strip())
        if len(lines) > 1 and all(
            line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines
        ):
            return lines, ""
        raise ItemError(f"not a JSON export of hypothes.is: {error}", hint=HINT) from error
    if export.id:
        return (text,), ""
    return (*export.rows, *export.annotations, *export.replies), export.export_userid


def _threads(known: dict[str, Annotation]) -> dict[str, list[Annotation]]:
    """Return the annotations that start a thread, each with all its replies in order."""
    threads: dict[str, list[Annotation]] = {}
    replies: list[tuple[str, Annotation]] = []
    for mark in known.values():
        root = next((above for above in mark.references or () if above in known), "")
        if root and root != mark.id:
            replies.append((root, mark))
        else:
            threads[mark.id] = []
    for root, reply in sorted(replies, key=lambda pair: (pair[1].created, pair[1].id)):
        threads.setdefault(root, []).append(reply)
    return threads
