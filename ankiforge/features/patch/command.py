"""The command `patch`, which prints the edits made in Anki as a patch of the notes."""

from __future__ import annotations

import sys
from shlex import quote
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    Call,
    Words,
    command,
    exit_if_failed,
    flag_option,
    open_workspace,
)
from ankiforge.errors import UsageError
from ankiforge.text import format_count

if TYPE_CHECKING:
    from ankiforge.features.patch.work import Patch
    from ankiforge.pipeline.workspace import Workspace


@command("""
  ankiforge patch                   the patch of all edits, to read
  ankiforge patch > edits.patch     into a file; then: git apply edits.patch
  ankiforge patch --apply           show it, ask, and write it into the notes
  ankiforge patch document:Memory   the edits of one note
""")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag_option("--apply", help="Write the edits into the notes, after asking.")
@flag_option("--yes", help="With --apply: do not ask.")
def patch(call: Call, query: Words, apply: bool, yes: bool) -> None:
    """Print your edits in Anki as a patch of the notes from which the cards came.

    Nothing is written into a note without --apply: apply the patch with it, with `git apply` or
    with `patch -p1`. Edits of drafted cards, and those that the note's syntax cannot express, are
    only listed. With --apply, each old note stays beside the new one until the next run, and
    `undo` restores it.
    """
    from ankiforge.features.patch.work import build_patch_from_anki
    from ankiforge.pipeline.query import join_arguments

    with open_workspace(call) as workspace:
        result = build_patch_from_anki(workspace, join_arguments(query))
        roots = result.roots
        if len(roots) > 1 and not (call.as_json or apply):
            message = f"there are edits below several folders: {', '.join(roots)}"
            raise UsageError(message, hint="ankiforge patch source:NAME")
        _print_patch(call, result, to_read=apply)
        _say_what_is_in_it(call, result)
        if not roots:
            return
        if apply:
            _apply_patch(call, workspace, result, yes=yes)
        elif not call.as_json:
            call.say(f"to apply: ankiforge patch -q | patch -p1 -d {quote(roots[0])}")
    if not call.as_json:
        call.say("then: ankiforge run")


def _say_what_is_in_it(call: Call, result: Patch) -> None:
    """Warn about each edit that isn't in the patch, and count the others."""
    for edit in result.refused:
        location = f"“{edit.excerpt}” in {edit.title}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {location}: {edit.reason}")
    if result.files:
        edits = format_count(result.edit_count, "edit")
        call.say(f"{edits} in {format_count(len(result.files), 'file')}")
    elif result.refused:
        call.say("no other edit in Anki to bring back")
    else:
        call.say("no edit in Anki to bring back")


def _apply_patch(call: Call, workspace: Workspace, result: Patch, *, yes: bool) -> None:
    """Write the patch into the notes if the user agrees."""
    count = len(result.files)
    if not call.confirm(f"Write into {format_count(count, 'note')}?", yes=yes):
        raise UsageError("nothing was written", hint="ankiforge patch --apply --yes")
    contents = {file.disk_path: file.contents for file in result.files}
    problems = workspace.replace_files(contents)
    call.print_problems(problems)
    written = count - len(problems)
    if written:
        call.say(
            f"{format_count(written, 'note')} written; each old one stays beside it, hidden,"
            " until the next run; to restore it: ankiforge undo"
        )
    exit_if_failed(problems)


def _print_patch(call: Call, result: Patch, *, to_read: bool) -> None:
    """Print the patch as JSON, as text to read, or byte by byte for another program."""
    if call.as_json:
        _print_json(call, result)
    elif not result.diff:
        return
    elif to_read or sys.stdout.isatty():
        call.print_raw(result.diff.decode("utf-8").removesuffix("\n"))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.diff)
        sys.stdout.buffer.flush()


def _print_json(call: Call, result: Patch) -> None:
    """Print a line of JSON for each file and for each edit that isn't in the patch."""
    for file in result.files:
        call.print_json(
            {
                "root": str(file.root),
                "path": file.path,
                "cards": [*file.guids],
                "words": "",
                "patch": file.diff.decode("utf-8"),
                "refused": "",
            }
        )
    for edit in result.refused:
        call.print_json(
            {
                "root": "",
                "path": edit.title,
                "cards": [edit.guid],
                "words": edit.excerpt,
                "patch": "",
                "refused": edit.reason,
            }
        )
