"""Draw what is defined elsewhere: the options of commands.

MkDocs calls this while it builds the documentation (`make docs`).
"""

import re
from typing import Any

import click

from ankiforge.cli import forge as forge_group
from ankiforge.cli.commands import make_shared_options

_SECTION = re.compile(r"(?m)^(?=## )")
_NAME = re.compile(r"## (.+)")
_HELP = "| `-h, --help` | Show the help of a command. |"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page; that of the commands has a table of options for each."""
    if page.file.src_uri == "reference/commands.md":
        return _add_options(markdown)
    return markdown


def on_page_content(html: str, **_: Any) -> str:
    """Return the content of a page whose short code is not broken at a hyphen, and whose tables of options are aligned."""
    html = re.sub(r"<code>(?=[^<\s]{1,14}</code>)", '<code class="word">', html)
    html = re.sub(r"<code>(?=[^<]{1,40}</code>)", '<code class="short">', html)
    return re.sub(
        r"(?<=<table>)(?=\s*<thead>\s*<tr>\s*<th>(option|setting)</th>)", _align, html
    )


def _align(header: re.Match[str]) -> str:
    """Return columns that are as wide as those of the other tables of this kind."""
    names = ("setting", "default") if header[1] == "setting" else ("option",)
    return "".join(
        ["<colgroup>", *(f'<col class="{name}">' for name in names), "<col></colgroup>"]
    )


def on_post_page(output: str, **_: Any) -> str:
    """Return a page whose search dialog has a name, which the theme leaves out."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"', 1)


def _add_options(markdown: str) -> str:
    """Return the page of the commands with a table of options in each section."""
    context = click.Context(forge_group)
    shared = {option.name for option in make_shared_options()}
    sections = []
    for section in _SECTION.split(markdown):
        name = _NAME.match(section)
        command = forge_group.get_command(context, name[1]) if name else None
        rows = []
        if section.startswith("## Every command\n"):
            rows = [*map(_row, _options(forge_group)), _HELP]
        elif command:
            subcommands = command.commands if isinstance(command, click.Group) else {}
            for word, each in {"": command, **subcommands}.items():
                options = [one for one in _options(each) if one.name not in shared]
                rows += [_row(option, word) for option in options]
        prose, fence, examples = section.rstrip().partition("\n```")
        table = "\n".join(["", "| option | what it does |", "|---|---|", *rows, ""])
        sections.append(f"{prose}\n{table if rows else ''}{fence}{examples}\n\n")
    return "".join(sections)


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def _row(option: click.Option, subcommand: str = "") -> str:
    """Return a row: the names of an option with its values, and its help."""
    values = option.metavar or ""
    if isinstance(option.type, click.Choice):
        values = " | ".join(map(str, option.type.choices))
    written = " ".join(filter(None, (subcommand, ", ".join(option.opts), values)))
    default = f" (default: {option.default})" if option.show_default else ""
    return f"| `{written}` | {option.help}{default} |"
