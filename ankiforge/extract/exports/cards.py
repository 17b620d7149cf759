"""Tables of cards: the CSV of a chat, Anki's text files; each row is a card of the person's own.

    sources:
      - cards: {path: ~/Downloads/cards.csv}

A table is recognised by its headings (`Front,Back`, `Question;Answer`, in several languages) or
by Anki's `#separator:`. Rows with an id of Anki are notes that are there already. The key
depends only on the sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.exports import DAMAGED, ExportSource, Named
from ankiforge.extract.files import title_in_name
from ankiforge.model import (
    Document,
    Form,
    Highlight,
    HighlightKind,
    LeftOut,
    Pair,
    Problem,
)
from ankiforge.text.card_table import CardRow, card_rows, is_card_table
from ankiforge.text.cloze import plain
from ankiforge.text.elements import as_markdown
from ankiforge.text.fold import for_finding
from ankiforge.text.keys import numbered

_OURS = "id,guid,kind,verdict,"
"""How the tables begin that `ankiforge export` writes."""
IN_ANKI = "exported from Anki, where it is a note already"


class CardTable(ExportSource):
    """Tables of one person, so `me` does not matter."""

    kind = "cards"
    endings = (".csv", ".tsv", ".txt")
    not_an_export = "not a table of cards"
    hint = "write `Front,Back` above its first row"
    rest = "rows are damaged"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a table begins with headings of cards, or as Anki's."""
        if candidate.head.startswith(_OURS):
            return Recognition(Confidence.NO, "`ankiforge export` wrote it")
        if is_card_table(candidate.head):
            return Recognition(Confidence.CONTENT)
        if candidate.ending in (".csv", ".tsv"):
            reason = (
                "its first row does not name question and answer, as `Front,Back` does"
            )
            return Recognition(Confidence.NO, reason)
        return NOT_MINE

    def items(
        self, path: str, text: str
    ) -> Iterator[tuple[str, CardRow] | Problem | LeftOut]:
        """Yield the rows of a table, each with the file's path; no card of a file twice."""
        first_places = dict[Pair, str]()
        for row in card_rows(text):
            where = f"{path}: {row.place}"
            first_place = first_places.setdefault((row.front, row.back), row.place)
            if row.fault:
                yield Problem(where, row.fault, row.hint)
            elif DAMAGED in row.front + row.back:
                yield Problem(where, "its letters are damaged", "save it as UTF-8")
            elif first_place != row.place:
                yield LeftOut("row of a table", row.place, f"the same as {first_place}")
            else:
                yield path, row

    def documents(self, items: list[tuple[str, CardRow]]) -> Iterator[Named]:
        """Yield one document per file; of a row in several files, the newest file's counts."""
        rows = {(row.front, row.back): (path, row) for path, row in items}
        by_path: dict[str, list[CardRow]] = {}
        for path, row in rows.values():
            by_path.setdefault(path, []).append(row)
        for path, of_file in by_path.items():
            title = title_in_name(PurePosixPath(path).stem)
            document = self.document((for_finding(title),), title)
            cards = [self._card(document, row) for row in of_file]
            yield path, self.extracted(document, numbered(cards))

    def _card(self, document: Document, row: CardRow) -> Highlight:
        sides = (
            [row.front, row.extra or row.back] if row.is_cloze else [row.front, row.back]
        )
        if row.extra and not row.is_cloze:
            sides.append(row.extra)
        if row.is_html:
            sides = [as_markdown(side) for side in sides]
        return Highlight(
            document,
            self.folder.namespace,
            HighlightKind.CARD,
            exact="\n".join(plain(side) for side in sides[:2] if side),
            form=Form.CLOZE if row.is_cloze else Form.BLOCK,
            markdown=tuple(sides),
            written="a row of a table",
            tags=row.tags,
            deck=row.deck,
            skip=IN_ANKI if row.guid else "",
        )
