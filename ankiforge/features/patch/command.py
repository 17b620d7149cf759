"""The command `patch`."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    Call,
    Words,
    command,
    file_option,
    flag,
    refuse_existing,
    refuse_unknown_options,
    session,
)
from ankiforge.errors import UsageError
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.features.patch.work import Patch


# -x is a word of the query, not an option
@command("""
  ankiforge patch                          the patch of all edits, to read
  ankiforge patch -o edits.patch           into a file; then: git apply edits.patch
  ankiforge patch document:Memory          the edits of one note
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@file_option("-o", "--output", help="Write the patch to this file.")
@flag("--force", help="Replace an existing file.")
def patch(call: Call, query: Words, output: Path | None, force: bool) -> None:
    """Print your edits in Anki as a patch of the notes from which the cards came.

    Nothing is written into a note: apply the patch with `git apply` or `patch -p1`. Edits
    of drafted cards, and those that the note's syntax cannot express, are only listed.
    """
    from ankiforge.features.patch.work import patch_of
    from ankiforge.pipeline.query import joined

    refuse_unknown_options(query)
    target = output.expanduser() if output and str(output) != "-" else None
    if target:
        refuse_existing(target, force=force)
    with session(call) as workspace:
        result = patch_of(workspace, joined(query))
    roots = result.roots
    if len(roots) > 1 and not call.as_json:
        message = f"there are edits below several folders: {', '.join(roots)}"
        raise UsageError(message, hint="ankiforge patch source:NAME")
    _write_patch(call, result, target)
    for edit in result.refused:
        where = f"“{edit.words}” in {edit.where}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {where}: {edit.reason}")
    if not roots:
        left = "other " if result.refused else ""
        call.say(f"no {left}edit in Anki to bring back")
        return
    call.say(f"{counted(result.edits, 'edit')} in {counted(len(result.files), 'file')}")
    if target:
        path, folder = quote(str(target.absolute())), quote(roots[0])
        call.say(f"to apply: cd {folder} && git apply {path}   (or: patch -p1 < {path})")
    elif call.as_json:
        return
    else:
        call.say(f"to apply: ankiforge patch -q | patch -p1 -d {quote(roots[0])}")
    call.say("then: ankiforge run")


def _write_patch(call: Call, result: Patch, target: Path | None) -> None:
    """Write a patch into a file or print it: letter by letter, but for a terminal."""
    if target and result.diff:
        target.write_bytes(result.diff)
    if call.as_json:
        # a line for each file, and for each edit that is left out
        for file in result.files:
            row = {"root": str(file.root), "path": file.path, "cards": [*file.guids]}
            diff = file.diff.decode("utf-8")
            call.data({**row, "words": "", "patch": diff, "refused": ""})
        for edit in result.refused:
            row = {"root": "", "path": edit.where, "cards": [edit.guid]}
            why = {"words": edit.words, "patch": "", "refused": edit.reason}
            call.data({**row, **why})
    elif target or not result.diff:
        return
    elif sys.stdout.isatty():
        call.show(None, [result.diff.decode("utf-8").removesuffix("\n")])
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.diff)
        sys.stdout.buffer.flush()
