"""Draw what is said elsewhere: options of commands as in `--help`, keys as in the page's help, files of the example.

MkDocs calls this while it builds the documentation (`make docs`).
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from ankiforge.cli import forge as forge_group

_SECTION = re.compile(r"(?m)^(?=## )")
_NAME = re.compile(r"## (\w+)\n\n    ankiforge ")


_EXAMPLE = re.compile(r"(?m)^\[`(examples/\S+?)`\]\(\S+\)$")
_LANGUAGES = {".py": "python", ".toml": "toml"}
_KEY = re.compile(r'(?m)^  \w+(?:\([^)]*\))?\("([^"]+)", "([^"]+)",')


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page with what is drawn on it."""
    if page.file.src_uri == "guides/review.md":
        return markdown.replace("\n## Keys\n", f"\n## Keys\n\n{_keys()}\n")
    if page.file.src_uri == "reference/commands.md":
        return _with_options(markdown)
    return _EXAMPLE.sub(_show_example, markdown)


def _show_example(link: re.Match[str]) -> str:
    """Return the file of the example that a line links to, as a block of code."""
    path = Path(__file__).parents[1] / link[1]
    return f"```{_LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8')}```"


def _keys() -> str:
    """Return all keys of the review page, each once."""
    script = files("ankiforge.web").joinpath("static/keys.js").read_text(encoding="utf-8")
    names: dict[str, str] = {}
    for key, name in _KEY.findall(script):
        names.setdefault(key, name)
    rows = []
    for key, name in names.items():
        signs = " ".join(f"`{sign}`" for sign in key.split()) or "`Space`"
        rows.append(
            f"- {signs.replace('Escape', 'Esc').replace('ArrowRight', '→')} {name}"
        )
    return "\n".join(rows)


def _with_options(markdown: str) -> str:
    """Return the page of the commands with the options of each."""
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
