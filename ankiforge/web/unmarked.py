"""Documents in which nothing is marked, and the marks that are made on the page.

Until something is chosen in it, such a document has no highlight by whose key the page could name
it: its name is `unmarked:` and a hash of its path.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from ankiforge.draft.choose import NUMBER
from ankiforge.errors import ItemError, RefusedError, UsageError
from ankiforge.extract.discover import UNMARKED
from ankiforge.extract.files import stamp_at, title_in_name
from ankiforge.ledger import cards
from ankiforge.ledger.decide import undo
from ankiforge.model import Highlight, HighlightKey, Json, Problem, Value, h16, hints
from ankiforge.pipeline import choosing
from ankiforge.pipeline.pictures import file_in, roots
from ankiforge.pipeline.sources import unmarked_paths
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text.located import Located
from ankiforge.web.documents import NOTES, Documents, as_shown, paper_of

PREFIX = "unmarked:"
_KEPT = 2
"""Documents whose text is kept in memory."""
_TAKEN_OUT = "out:"
"""Begins what takes back that a mark was taken out."""


class SelectedWords(Value, forbid_unknown_fields=True):
    """Words that a person selected in a document."""

    key: str
    """A highlight of the document, or its name if there is none."""
    text: str
    before: str = ""
    """Some text before them on their page."""
    page: int = -1
    """The number of the page from 0; -1 = it has none."""


class UnmarkedDocuments:
    """The documents without marks of a workspace, and marking on the page."""

    def __init__(self, workspace: Workspace, documents: Documents) -> None:
        """Show them beside the other documents."""
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._documents = documents
        self._paths: dict[str, Path] = {}
        self._opened: dict[str, choosing.OpenDocument] = {}
        # What was taken out, by what puts it back.
        self._out: dict[str, tuple[choosing.OpenDocument, Located]] = {}
        documents.other = self._document
        documents.html_of = self._html_around

    def entries(self) -> list[Json]:
        """Return the documents as rows of the shelf."""
        entries = []
        for name in unmarked_paths(self._workspace.folder, self._ledger):
            path = Path(name)
            id = h16("unmarked", name)
            self._paths[f"{PREFIX}{id}"] = path
            entry: Json = {
                "id": id,
                "key": f"{PREFIX}{id}",
                "title": title_in_name(path.stem),
                "by": "",
                "kind": "sheets" if path.suffix.casefold() == ".pdf" else "text",
                "waiting": 0,
                "proposed": 0,
                "rest": "no highlights yet",
                "is_open": False,
                "weak": True,
                "unmarked": True,
            }
            entries.append(entry)
        return entries

    def id_of(self, path: Path) -> str:
        """Return the id of the row of a file; "" if something is marked in it."""
        for key, other in self._paths.items():
            if other == path:
                return key.removeprefix(PREFIX)
        return ""

    def _document(self, key: str) -> Json | None:
        """Return a document without marks as the page shows it; {} until it can be shown."""
        path = self._paths.get(key)
        if path is None:
            return None
        kind = "sheets" if path.suffix.casefold() == ".pdf" else "text"
        title = title_in_name(path.stem)
        head = {"id": key.removeprefix(PREFIX), "title": title, "kind": kind, "lang": ""}
        if kind == "sheets":
            return self._documents.sheets_of(path, head)
        if path.suffix.casefold() in NOTES:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            html = self._documents.pages.note(as_shown(text), {})
        else:
            html = self.html_of(path)
        if html is None:
            return {}
        return {**head, "html": html, "marks": []}

    def _html_around(self, highlight: Highlight) -> str:
        """Return the text of the web page or book in which a passage was chosen; "" of others."""
        file = self.file_of(highlight)
        if file is None or file.suffix.casefold() not in UNMARKED:
            return ""
        return self.html_of(file)

    def html_of(self, path: Path) -> str:
        """Return the text of a web page or a book as HTML."""
        whole = self._open(path).whole
        parts = []
        for paragraph in whole.paragraphs:
            tag = f"h{min(paragraph.level + 1, 6)}" if paragraph.level else "p"
            parts.append(f"<{tag}>{escape(whole.text_of(paragraph))}</{tag}>")
        return "".join(parts)

    def _open(self, path: Path) -> choosing.OpenDocument:
        """Return a document with its text.

        Raises:
            ItemError: it has none, or it is private.
        """
        name = f"{path} {stamp_at(path)}"
        if name not in self._opened:
            for opened in choosing.documents(self._workspace, path, private=True):
                if isinstance(opened, Problem):
                    raise ItemError(opened.what, hint=opened.hint)
                while len(self._opened) >= _KEPT:
                    del self._opened[next(iter(self._opened))]
                self._opened[name] = opened
        return self._opened[name]

    def _path_of(self, key: str) -> Path:
        """Return the file of a document.

        Raises:
            UsageError: it is not here, or what is marked in it is marked elsewhere.
        """
        if key in self._paths:
            return self._paths[key]
        highlight = cards.highlight_of(self._ledger, HighlightKey(key))
        file = self.file_of(highlight)
        if file is None:
            raise UsageError(
                "the file of this document is not here, so nothing is marked"
            )
        return file

    def file_of(self, highlight: Highlight) -> Path | None:
        """Return the file in which a highlight is; None if it is not here."""
        source, path = highlight.document.source, highlight.document.path
        for name, root in roots(self._ledger).items():
            if name.partition(":")[2] == source and path:
                file = file_in(root, path)
                if file is not None:
                    return file
        return paper_of(self._ledger, highlight)

    # --- a chat -------------------------------------------------------------------------

    def asking(self, key: str) -> choosing.Asking:
        """Return about which parts of a document a chat is asked for ten passages.

        Raises:
            ItemError: nothing of it can be asked.
        """
        found, _ = choosing.askings(self._workspace, self._paths[key], NUMBER)
        return found[0]

    # --- marks --------------------------------------------------------------------------

    def mark(self, words: SelectedWords) -> Json:
        """Make a highlight of words.

        Returns:
            Its `key`, and `undo`.

        Raises:
            UsageError: the document does not have the words.
        """
        opened = self._open(self._path_of(words.key))
        located = choosing.words_at(opened, words.text, words.before, words.page)
        if located is None:
            raise UsageError("these words are not in the document as they are selected")
        return self._marked(opened, located)

    def _marked(self, opened: choosing.OpenDocument, located: Located) -> Json:
        with self._ledger.action() as action:
            key = choosing.mark(self._workspace, opened, located)
        return {"key": key, "undo": action}

    def unmark(self, key: str) -> Json:
        """Take out a mark that was made here. Return `undo`, which puts it back.

        Raises:
            RefusedError: it is a mark of the file.
        """
        highlight = cards.highlight_of(self._ledger, HighlightKey(key))
        event = hints.chosen_in(highlight.hints)
        if not event:
            message = "this highlight is in the file: take it out there"
            raise RefusedError(message)
        opened = self._open(self._path_of(key))
        located = choosing.words_at(opened, highlight.exact, highlight.prefix)
        undo(self._ledger, event)
        token = f"{_TAKEN_OUT}{event}"
        if located:
            self._out[token] = (opened, located)
        return {"undo": token if located else ""}

    def put_back(self, token: str) -> bool:
        """Put a mark back that was taken out; return whether this is one."""
        out = self._out.pop(token, None)
        if out is not None:
            self._marked(*out)
        return out is not None
