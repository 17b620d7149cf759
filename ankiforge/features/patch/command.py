"""The command `patch`, which prints the edits made in Anki as a patch of the notes."""

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
    flag_option,
    open_workspace,
    refuse_existing,
    refuse_unknown_options,
)
from ankiforge.errors import UsageError
from ankiforge.text import format_count

if TYPE_CHECKING:
    from ankiforge.features.patch.work import Patch


# a word such as -x is a negated term of the query, not an option
@command("""
  ankiforge patch                          the patch of all edits, to read
  ankiforge patch -o edits.patch           into a file; then: git apply edits.patch
  ankiforge patch document:Memory          the edits of one note
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@file_option("-o", "--output", help="Write the patch to this file.")
@flag_option("--force", help="Replace an existing file.")
def patch(call: Call, query: Words, output: Path | None, force: bool) -> None:
    """Print your edits in Anki as a patch of the notes from which the cards came.

    Nothing is written into a note: apply the patch with `git apply` or `patch -p1`. Edits
    of drafted cards, and those that the note's syntax cannot express, are only listed.
    """
    from ankiforge.features.patch.work import patch_anki_edits
    from ankiforge.pipeline.query import join_arguments

    refuse_unknown_options(query)
    target = output.expanduser() if output and str(output) != "-" else None
    if target:
        refuse_existing(target, force=force)
    with open_workspace(call) as workspace:
        result = patch_anki_edits(workspace, join_arguments(query))
    roots = result.roots
    if len(roots) > 1 and not call.as_json:
        message = f"there are edits below several folders: {', '.join(roots)}"
        raise UsageError(message, hint="ankiforge patch source:NAME")
    _write_patch(call, result, target)
    for edit in result.refused:
        location = f"“{edit.excerpt}” in {edit.title}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {location}: {edit.reason}")
    if not roots:
        left = "other " if result.refused else ""
        call.say(f"no {left}edit in Anki to bring back")
        return
    call.say(
        f"{format_count(result.edit_count, 'edit')} in {format_count(len(result.files), 'file')}"
    )
    if target:
        path, folder = quote(str(target.absolute())), quote(roots[0])
        call.say(f"to apply: cd {folder} && git apply {path}   (or: patch -p1 < {path})")
    elif call.as_json:
        return
    else:
        call.say(f"to apply: ankiforge patch -q | patch -p1 -d {quote(roots[0])}")
    call.say("then: ankiforge run")


def _write_patch(call: Call, result: Patch, target: Path | None) -> None:
    if target and result.diff:
        target.write_bytes(result.diff)
    if call.as_json:
        # print a line for each file and for each edit without a patch
        for file in result.files:
            row = {"root": str(file.root), "path": file.path, "cards": [*file.guids]}
            diff = file.diff.decode("utf-8")
            call.print_json({**row, "words": "", "patch": diff, "refused": ""})
        for edit in result.refused:
            row = {"root": "", "path": edit.title, "cards": [edit.guid]}
            details = {"words": edit.excerpt, "patch": "", "refused": edit.reason}
            call.print_json({**row, **details})
    elif target or not result.diff:
        return
    elif sys.stdout.isatty():
        call.print_value(None, [result.diff.decode("utf-8").removesuffix("\n")])
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.diff)
        sys.stdout.buffer.flush()
