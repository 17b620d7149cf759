"""Format the help of commands, wrapped only at spaces and with examples at the end."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from textwrap import wrap

import click

from ankiforge.cli.commands import make_shared_options

SHARED_OPTIONS_HINT = "also: ankiforge -h (-C DIR, --json, -v, -q …)"
"""The last line of every command's help, which refers to the help of the shared options."""
_MAX_TERM_WIDTH = 30


class WrappingFormatter(click.HelpFormatter):
    """A help formatter that only wraps at spaces.

    Click would also wrap at the hyphens in options.
    """

    def write_text(self, text: str) -> None:
        """Write text as wrapped paragraphs, separated by empty lines."""
        paragraphs = []
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            paragraphs.append("\n".join(self.wrap(" ".join(paragraph.split()))))
        self.write("\n\n".join(paragraphs) + "\n")

    def write_dl(
        self,
        rows: Iterable[tuple[str, str]],
        col_max: int = _MAX_TERM_WIDTH,
        col_spacing: int = 2,
    ) -> None:
        """Write a definition list. A definition is beside its term, or below a long one."""
        rows = list(rows)
        column_width = col_spacing + min(max(len(term) for term, _ in rows), col_max)
        self.current_indent += column_width
        for term, meaning in rows:
            first_line = f"{'':{self.current_indent - column_width}}{term}"
            lines = self.wrap(meaning)
            if len(term) > col_max:
                self.write(f"{first_line}\n")
            elif lines:
                lines[0] = first_line + lines[0][len(first_line) :]
            self.write("".join(f"{line}\n" for line in lines))
        self.current_indent -= column_width

    def wrap(self, text: str) -> list[str]:
        """Wrap a paragraph at the current indentation, only at spaces."""
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
    """A click context that formats help with `WrappingFormatter`."""

    formatter_class = WrappingFormatter


class CommandWithExamples(click.Command):
    """A command whose help lists only its own options and ends with examples."""

    context_class = HelpContext

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options and, for a group, its subcommands."""
        shared_names = {option.name for option in make_shared_options()}
        rows = []
        for option in self.params:
            if isinstance(option, click.Option) and option.name not in shared_names:
                rows.append(option.get_help_record(ctx) or ("", ""))
        if rows:
            with formatter.section("Options"):
                formatter.write_dl(rows)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's examples, each with its comment below it, followed by any prose.

        In the epilog, lines that begin with two spaces are examples of the form
        `  command   comment`; all other lines are prose.
        """
        assert isinstance(formatter, WrappingFormatter)
        prose = []
        with formatter.section("Examples"):
            for line in (self.epilog or "").splitlines():
                if not line.startswith("  "):
                    prose.append(line)
                    continue
                example, _, comment = line.strip().partition("  ")
                formatter.write_text(example)
                with formatter.indentation():
                    for comment_line in formatter.wrap(comment.strip()):
                        formatter.write(f"{_dim(comment_line)}\n")
        if any(prose):
            formatter.write_paragraph()
            formatter.write_text("\n".join(prose))
        formatter.write(f"\n{_dim(SHARED_OPTIONS_HINT)}\n")


def _dim(text: str) -> str:
    if "--no-color" in sys.argv or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, dim=True)
