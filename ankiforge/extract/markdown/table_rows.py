"""Show a cell of a table together with its row and the first row of the table."""

from __future__ import annotations

from collections.abc import Sequence

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
        self._column = block.column
        self._rows: list[list[InlineText]] = []
        cells_with_text = [source for source in block.row_sources if source.strip()]
        if len(cells_with_text) > 1:
            if block.row_sources is not block.header_sources:
                self._add_row(block.header_sources, block)
            self._add_row(block.row_sources, block)
        texts = [" | ".join([cell.plain for cell in row]) for row in self._rows]
        self.text = "\n".join(texts)
        """The plain text of these rows, or "" if the card shows only the block."""

    def _add_row(self, sources: Sequence[str], block: Block) -> None:
        self._rows.append([parse_inline(source, block.context) for source in sources])

    def render_table(
        self, markdown: str, gaps: Sequence[Span]
    ) -> tuple[str, tuple[Span, ...]]:
        """Render the rows as a Markdown table.

        Args:
            markdown: The Markdown of the cell.
            gaps: The spans of the gaps in `markdown`.

        Returns:
            (Markdown of the table, spans of the same gaps in the table).
        """
        if not self._rows:
            return markdown, tuple(gaps)
        cell, cell_gaps = _convert_cell(markdown, gaps)
        rows = [list(map(_render_cell, row)) for row in self._rows]
        rows[-1][self._column] = cell
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|---" * len(rows[0]) + "|")

        text_before_cell = "| "
        if len(rows) > 1:
            text_before_cell = f"{lines[0]}\n{lines[1]}\n| "
        for other in rows[-1][: self._column]:
            text_before_cell += f"{other} | "
        offset = len(text_before_cell)
        table_gaps = [(start + offset, end + offset) for start, end in cell_gaps]
        return "\n".join(lines), tuple(table_gaps)


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
