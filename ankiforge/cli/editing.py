"""A person types in `$EDITOR`: what was typed is never lost."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import yaml

from ankiforge.errors import ForgeError, UsageError
from ankiforge.model import Fields

Read = Callable[[dict[str, str]], Fields]
"""Makes fields of what stands in the text.

Raises:
    UsageError: they are none.
"""


def need_terminal(id: str, field: str = "NAME") -> None:
    """Refuse to open an editor where nobody could type."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f'ankiforge edit {id} --field {field} "TEXT"'
        raise UsageError("an editor needs a terminal, and there is none", hint=hint)


@contextmanager
def typed(text: str, read: Read, folder: Path) -> Iterator[Fields | None]:
    """What a person made of a text, for as long as it is taken; None if nothing was changed.

    What cannot be read is offered once more, as it was typed, under what is wrong with it. The
    file in which it was typed stays if it cannot be taken, and the error names it.

    Raises:
        Abort: the text was emptied.
        UsageError: it can be read no better the second time, or the editor failed.
    """
    file = _written(text, folder)
    try:
        yield _asked(file, read)
    except click.Abort:
        file.unlink()
        raise
    except ForgeError as error:
        if file.read_bytes() != text.encode():
            hint = f"{error.hint}; " if error.hint else ""
            hint += f"what you typed is kept in {file}"
            raise type(error)(error.message, hint=hint) from error
        file.unlink()
        raise
    file.unlink()


def _written(text: str, folder: Path) -> Path:
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix="typed-", suffix=".yaml", delete=False
    ) as file:
        file.write(text.encode())
    return Path(file.name)


def _asked(file: Path, read: Read) -> Fields | None:
    before = file.read_bytes()
    answer = _opened(file)
    if answer == before:
        return None
    if not answer.strip():
        raise click.Abort
    try:
        return read(_said(answer))
    except UsageError as error:
        file.write_bytes(_remark(error).encode() + answer)
    return read(_said(_opened(file)))


def _opened(file: Path) -> bytes:
    """What is in a file after a person had it in an editor."""
    try:
        click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    return file.read_bytes()


class _Dumper(yaml.SafeDumper):
    """Writes words as blocks, in which nothing needs quotes."""


class _Words(str):
    __slots__ = ()


_Dumper.add_representer(
    _Words, lambda dumper, words: dumper.represent_scalar("tag:yaml.org,2002:str", words, "|")
)


def form(fields: Mapping[str, str]) -> str:
    """Fields as text to be changed: each behind its name."""
    words = {name: _Words(text) for name, text in fields.items()}
    return yaml.dump(words, Dumper=_Dumper, allow_unicode=True, sort_keys=False)


def commented(words: str) -> str:
    """Words above the fields that are none of them."""
    lines = ("".join(filter(str.isprintable, line)) for line in words.splitlines())
    return "".join(f"# {line}\n" for line in lines)


def _remark(error: UsageError) -> str:
    return commented(f"{error.message} ({error.hint})" if error.hint else error.message)


def _said(answer: bytes) -> dict[str, str]:
    """The fields as they stand in the saved text."""
    try:
        said = yaml.safe_load(answer.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError("this is no UTF-8", hint="save it as such") from error
    except yaml.YAMLError as error:
        raise UsageError(f"this is no YAML any more: {error}") from error
    if not isinstance(said, dict):
        raise UsageError("the fields are gone", hint="each stands behind its name, as Front: |-")
    return {str(name): str(value or "").rstrip("\n") for name, value in said.items()}
