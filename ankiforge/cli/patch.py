"""The command that brings edits made in Anki back to the notes, as a patch."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    FILE,
    Call,
    Words,
    command,
    flag,
    refuse_unknown_options,
    session,
)
from ankiforge.errors import UsageError
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.pipeline.patch import Patch


# -x is a word of the query, not an option
@command("""
  ankiforge patch                          the patch of all edits, to read
  ankiforge patch -o edits.patch           into a file; then: git apply edits.patch
  ankiforge patch document:Memory          the edits of one note
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option(
    "-o",
    "--output",
    type=FILE,
    metavar="FILE",
    help="Write the patch to this file.",
)
@flag("--force", help="Replace an existing file.")
def patch(call: Call, query: Words, output: Path | None, force: bool) -> None:
    """Print your edits in Anki as a patch of the notes that state the cards.

    Nothing is written into a note: apply the patch with `git apply` or `patch -p1`. Cards
    that were drafted are listed, and edits that the note's syntax cannot express.
    """
    from ankiforge.pipeline.patch import common_root
    from ankiforge.pipeline.query import joined

    refuse_unknown_options(query)
    if output is not None and output.expanduser().exists() and not force:
        raise UsageError(
            f"{output}: exists already",
            hint="another name, or --force to replace it",
        )
    with session(call) as workspace:
        result = workspace.patch(joined(query))
    root = common_root(result.files)
    if result.files and root is None and not call.as_json:
        folders = {str(file.root) for file in result.files}
        roots = ", ".join(sorted(folders))
        hint = "ankiforge patch source:NAME"
        raise UsageError(f"there are edits below several folders: {roots}", hint=hint)
    diff = b"".join(file.diff for file in result.files)
    if output is not None and diff:
        output.expanduser().write_bytes(diff)
    if call.as_json:
        _show_as_json(call, result)
    elif output is None and diff:
        _write(call, diff)
    _tell(call, result, root, output)


def _show_as_json(call: Call, result: Patch) -> None:
    """Print a line of JSON for each file, and for each edit without a patch."""
    for file in result.files:
        call.data(
            {
                "root": str(file.root),
                "path": file.path,
                "cards": list(file.guids),
                "words": "",
                "patch": file.diff.decode("utf-8"),
                "refused": "",
            }
        )
    for edit in result.refused:
        call.data(
            {
                "root": "",
                "path": edit.where,
                "cards": [edit.guid],
                "words": edit.words,
                "patch": "",
                "refused": edit.reason,
            }
        )


def _write(call: Call, diff: bytes) -> None:
    """Print a patch byte by byte; at a terminal, without what could control it."""
    if sys.stdout.isatty():
        call.print(diff.decode("utf-8").removesuffix("\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(diff)
    sys.stdout.buffer.flush()


def _tell(
    call: Call,
    result: Patch,
    root: Path | None,
    output: Path | None,
) -> None:
    """Say what the patch holds, what it does not, and how to apply it."""
    for edit in result.refused:
        where = f"“{edit.words}” in {edit.where}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {where}: {edit.reason}")
    if not result.files:
        left = "other " if result.refused else ""
        call.say(f"no {left}edit in Anki to bring back")
        return
    cards = sum(len(file.guids) for file in result.files)
    edits = counted(cards, "edit")
    files = counted(len(result.files), "file")
    call.say(f"{edits} in {files}")
    if output is not None:
        path = quote(str(output.expanduser().absolute()))
        call.say(
            f"to apply: cd {quote(str(root))} && git apply {path}   (or: patch -p1 < {path})"
        )
        call.say("then: ankiforge run")
    elif not call.as_json:
        call.say(f"to apply: ankiforge patch -q | patch -p1 -d {quote(str(root))}")
        call.say("then: ankiforge run")
