"""How help is written: as wide as the terminal, broken at blanks only, examples at the end."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from textwrap import wrap

import click

from ankiforge.cli.commands import shared_options

ALSO = "also: ankiforge -h (-C DIR, --json, -v, -q …)"
"""The last line of the help of a command: where the options of every command are explained."""
_WIDEST_TERM = 30


class Formatter(click.HelpFormatter):
    """Breaks lines at blanks only; click also breaks at the hyphens of options."""

    def write_text(self, text: str) -> None:
        """Write paragraphs, which have an empty line between them."""
        paragraphs = []
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            paragraphs.append("\n".join(self._wrapped(" ".join(paragraph.split()))))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(
        self,
        rows: Iterable[tuple[str, str]],
        col_max: int = _WIDEST_TERM,
        col_spacing: int = 2,
    ) -> None:
        """Write terms with their meanings beside them, or below a term that is too long."""
        rows = list(rows)
        column = col_spacing + min(max(len(term) for term, _ in rows), col_max)
        self.current_indent += column
        for term, meaning in rows:
            place = f"{'':{self.current_indent - column}}{term}"
            lines = self._wrapped(meaning)
            if len(term) > col_max:
                self.write(f"{place}\n")
            elif lines:
                lines[0] = place + lines[0][len(place) :]
            self.write("".join(f"{line}\n" for line in lines))
        self.current_indent -= column

    def write_examples(self, text: str) -> None:
        """Write each example with its comment below it, then the prose.

        Args:
            text: a line for each example, `  command   comment`; other lines are prose.
        """
        lines = text.splitlines()
        with self.section("Examples"):
            for line in lines:
                if not line.startswith("  "):
                    continue
                example, _, comment = line.strip().partition("  ")
                self.write_text(example)
                with self.indentation():
                    for below in self._wrapped(comment.strip()):
                        self.write(f"{_pale(below)}\n")
        prose = [line for line in lines if line and not line.startswith("  ")]
        if prose:
            self.write_paragraph()
            self.write_text(" ".join(prose))
        self.write(f"\n{_pale(ALSO)}\n")

    def _wrapped(self, text: str) -> list[str]:
        indent = " " * self.current_indent
        return wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )


class HelpContext(click.Context):
    """The context of our commands, whose help `Formatter` writes."""

    formatter_class = Formatter


class HelpfulCommand(click.Command):
    """A command whose help lists its own options, and has examples at the end."""

    context_class = HelpContext

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the command itself, then those of a group's commands."""
        shared = {option.name for option in shared_options()}
        rows = []
        for option in self.params:
            if isinstance(option, click.Option) and option.name not in shared:
                rows.append(option.get_help_record(ctx) or ("", ""))
        if rows:
            with formatter.section("Options"):
                formatter.write_dl(rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        assert isinstance(formatter, Formatter)
        formatter.write_examples(self.epilog or "")


def _pale(text: str) -> str:
    """Return a line in a paler colour, if colours are wanted; a pipe gets none."""
    if "--no-color" in sys.argv or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, dim=True)
