"""Draw the options of each command on the page of the commands, as `--help` explains them.

MkDocs calls this while it builds the documentation (`make docs`).
"""

import re
from typing import Any

import click

from ankiforge.cli import forge as forge_group

_SECTION = re.compile(r"(?m)^(?=## )")
_NAME = re.compile(r"## (\w+)\n\n    ankiforge ")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page; to each section of a command its options are added."""
    if page.file.src_uri != "reference/commands.md":
        return markdown
    context = click.Context(forge_group)
    common = {option.name for option in _options(_command(context, "show"))}
    sections = []
    for section in _SECTION.split(markdown):
        name = _NAME.match(section)
        lines = []
        if name:
            command = _command(context, name[1])
            below = command.commands.values() if isinstance(command, click.Group) else ()
            for each in (command, *below):
                lines += [
                    _line(option)
                    for option in _options(each)
                    if option.name not in common
                ]
        listed = "\n".join(dict.fromkeys(lines))
        sections.append(f"{section.rstrip()}\n\n{listed}\n\n")
    return "".join(sections)


def _command(context: click.Context, name: str) -> click.Command:
    command = forge_group.get_command(context, name)
    assert command is not None, name
    return command


def _options(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def _line(option: click.Option) -> str:
    """Return an item of a list: the names of an option, what it takes, and what it does."""
    takes = option.metavar or ""
    if isinstance(option.type, click.Choice):
        takes = " | ".join(map(str, option.type.choices))
    return f"- `{' '.join(filter(None, (', '.join(option.opts), takes)))}`: {option.help}"
