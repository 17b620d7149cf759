"""Show a cell of a table together with its row and the first row of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ankiforge.extract.markdown.blocks import Block
from ankiforge.extract.markdown.inline import InlineText
from ankiforge.extract.markdown.inline_parser import parse_inline
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.normalize import map_outside_literal_spans

_LINE_END = regex(r"(?P<hard>[ ]{2})?[ ]*\n[ ]*")


class TableRow:
    """The table row of a cell with its header row. A card about the cell shows both as a table.

    If the block isn't in a table, or is the only cell of its row with text, there are no rows
    and the card shows only the block.
    """

    def __init__(self, block: Block) -> None:
        """Parse the rows around a block."""
        self._rows: list[list[InlineText]] = []
        row = block.row
        if row and sum(1 for source in row.sources if source.strip()) > 1:
            if not row.is_header:
                self._add_row(row.table.rows[0].sources, block)
            self._add_row(row.sources, block)
        texts = [" | ".join([cell.plain for cell in row]) for row in self._rows]
        self.text = "\n".join(texts)
        """The plain text of these rows, or "" if the card shows only the block."""

    def _add_row(self, sources: Sequence[str], block: Block) -> None:
        self._rows.append([parse_inline(source, block.context) for source in sources])

    def render_table(
        self, rendered_cells: Mapping[int, tuple[str, Sequence[Span]]]
    ) -> tuple[str, tuple[Span, ...]]:
        """Render the rows as a Markdown table.

        Args:
            rendered_cells: The Markdown of cells of the last row, and the spans of the gaps in
                it, by column. The other cells are rendered without marks.

        Returns:
            (Markdown of the table, spans of the same gaps in the table).
        """
        *header_rows, last_row = self._rows
        rule = "|---" * len(last_row) + "|"
        table = ""
        for row in header_rows:
            table += f"| {' | '.join(map(_render_cell, row))} |\n{rule}\n"
        table_gaps: list[Span] = []
        for column, cell in enumerate(last_row):
            table += "| "
            if column in rendered_cells:
                text, gaps = _convert_cell(*rendered_cells[column])
                for start, end in gaps:
                    table_gaps.append((len(table) + start, len(table) + end))
            else:
                text = _render_cell(cell)
            table += f"{text} "
        table += "|"
        if not header_rows:  # the last row is the header itself
            table += f"\n{rule}"
        return table, tuple(table_gaps)


def _render_cell(cell: InlineText) -> str:
    return _to_one_line(cell.render_without_marks().strip())


def _convert_cell(markdown: str, gaps: Sequence[Span]) -> tuple[str, list[Span]]:
    """Convert the Markdown of a cell to one line, with the spans that its gaps then have."""
    cell = ""
    spans = []
    previous_end = 0
    for start, end in gaps:
        cell += _to_one_line(markdown[previous_end:start])
        cell_start = len(cell)
        cell += _to_one_line(markdown[start:end])
        spans.append((cell_start, len(cell)))
        previous_end = end
    return cell + _to_one_line(markdown[previous_end:]), spans


def _to_one_line(markdown: str) -> str:
    """Convert Markdown to the content of a table cell, on one line.

    Hard line breaks become `<br>`, other line breaks become spaces, and pipes are escaped.
    """
    on_one_line = _LINE_END.sub(lambda end: "<br>" if end["hard"] else " ", markdown)
    return map_outside_literal_spans(on_one_line, lambda text: text.replace("|", "\\|"))
