"""Tables with a hand-written card in each row, such as CSV from a chat or text exported from Anki.

    sources:
      - cards: {path: ~/Downloads/cards.csv}

A table is recognised by its headers (`Front,Back` or `Question;Answer`, in several languages), or
by Anki's line `#separator:`. A row with an Anki id is a note that is already in Anki. The key of
a card depends only on its sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.exports import (
    REPLACEMENT_CHARACTER,
    NamedSightings,
    TextExportSource,
)
from ankiforge.extract.files import title_from_file_name
from ankiforge.model import (
    Document,
    Highlight,
    HighlightForm,
    HighlightKind,
    Pair,
    Problem,
    SkippedText,
)
from ankiforge.text.card_table import CardRow, is_card_table, parse_card_rows
from ankiforge.text.cloze import to_plain_text
from ankiforge.text.elements import html_to_markdown
from ankiforge.text.keys import number_highlights
from ankiforge.text.normalize import normalize_for_lookup

ALREADY_IN_ANKI = "exported from Anki, where it is a note already"


class CardTable(TextExportSource):
    """Reads tables of hand-written cards in CSV or TSV files.

    The setting `me` is ignored, because every card in a table counts as the user's own.
    """

    kind = "cards"
    suffixes = (".csv", ".tsv", ".txt")
    wrong_file_message = "not a table of cards"
    export_hint = "write `Front,Back` above its first row"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Recognise a table of cards by its column names or by Anki's header lines."""
        if is_card_table(candidate.head):
            return Confidence.CONTENT
        return Confidence.NO

    @classmethod
    def explain_rejection(cls, candidate: Candidate) -> str:
        """Return why a file isn't a table of cards.

        Returns "" for a `.txt` file, because most text files aren't meant to be tables.
        """
        if candidate.suffix == ".txt":
            return ""
        return "its first row does not name question and answer, as `Front,Back` does"

    def parse_items(
        self, path: str, text: str
    ) -> Iterator[tuple[str, CardRow] | Problem | SkippedText]:
        """Yield the path and the row for each row of a table.

        Yield a `SkippedText` for a row that repeats a card, and a problem for a damaged row.
        """
        first_places = dict[Pair, str]()
        for row in parse_card_rows(text):
            location = f"{path}: {row.location}"
            first_place = first_places.setdefault((row.front, row.back), row.location)
            if row.rejection_reason:
                yield Problem(location, row.rejection_reason, row.hint)
            elif REPLACEMENT_CHARACTER in row.front + row.back:
                yield Problem(location, "its letters are damaged", "save it as UTF-8")
            elif first_place != row.location:
                yield SkippedText(
                    "row of a table", row.location, f"the same as {first_place}"
                )
            else:
                yield path, row

    def build_documents(
        self, items: list[tuple[str, CardRow]]
    ) -> Iterator[NamedSightings]:
        """Yield one document per file. A row in several files belongs to the newest of them."""
        rows = {(row.front, row.back): (path, row) for path, row in items}
        by_path: dict[str, list[CardRow]] = {}
        for path, row in rows.values():
            by_path.setdefault(path, []).append(row)
        for path, rows_of_file in by_path.items():
            title = title_from_file_name(PurePosixPath(path).stem)
            document = self.create_document((normalize_for_lookup(title),), title)
            cards = [self._create_card(document, row) for row in rows_of_file]
            yield path, self.iter_document(document, number_highlights(cards))

    def _create_card(self, document: Document, row: CardRow) -> Highlight:
        if row.is_cloze:
            form = HighlightForm.CLOZE
            sides = [row.front, row.extra or row.back]
        else:
            form = HighlightForm.BLOCK
            sides = [row.front, row.back]
            if row.extra:
                sides.append(row.extra)
        if row.is_html:
            sides = list(map(html_to_markdown, sides))
        texts = [to_plain_text(side) for side in sides[:2] if side]
        skip_reason = None
        if row.guid:
            skip_reason = ALREADY_IN_ANKI
        return Highlight(
            document,
            self.listing.namespace,
            HighlightKind.CARD,
            exact="\n".join(texts),
            form=form,
            markdown=tuple(sides),
            line_syntax="a row of a table",
            tags=row.tags,
            deck=row.deck,
            skip_reason=skip_reason,
        )
