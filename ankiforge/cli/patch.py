"""The command that brings edits made in Anki back to the notes, as a patch."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote

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
    """Print your edits in Anki as a patch of the notes from which the cards came.

    Nothing is written into a note: apply the patch with `git apply` or `patch -p1`. Edits
    of drafted cards, and those that the note's syntax cannot express, are only listed.
    """
    from ankiforge.pipeline.patch import common_root
    from ankiforge.pipeline.query import joined

    refuse_unknown_options(query)
    target = None if output is None else output.expanduser()
    if target is not None and target.exists() and not force:
        message = f"{output}: exists already"
        raise UsageError(message, hint="another name, or --force to replace it")
    with session(call) as workspace:
        result = workspace.patch(joined(query))
    files = result.files
    root = common_root(files)
    if files and root is None and not call.as_json:
        roots = ", ".join(sorted({str(file.root) for file in files}))
        message = f"there are edits below several folders: {roots}"
        raise UsageError(message, hint="ankiforge patch source:NAME")

    # the patch: into the file, to a program, or on the screen
    diff = b"".join(file.diff for file in files)
    is_printed = target is None and bool(diff) and not call.as_json
    if target is not None and diff:
        target.write_bytes(diff)
    elif is_printed and sys.stdout.isatty():
        # without signs that could control the terminal
        call.print(diff.decode("utf-8").removesuffix("\n"))
    elif is_printed:
        sys.stdout.flush()
        sys.stdout.buffer.write(diff)
        sys.stdout.buffer.flush()
    if call.as_json:
        # a line for each file, and for each edit without a patch
        for file in files:
            row = {
                "root": str(file.root),
                "path": file.path,
                "cards": list(file.guids),
                "words": "",
                "patch": file.diff.decode("utf-8"),
                "refused": "",
            }
            call.data(row)
        for edit in result.refused:
            row = {
                "root": "",
                "path": edit.where,
                "cards": [edit.guid],
                "words": edit.words,
                "patch": "",
                "refused": edit.reason,
            }
            call.data(row)

    # what it holds and what it does not, and how it is applied
    for edit in result.refused:
        where = f"“{edit.words}” in {edit.where}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {where}: {edit.reason}")
    if not files:
        left = "other " if result.refused else ""
        call.say(f"no {left}edit in Anki to bring back")
        return
    edit_count = sum(len(file.guids) for file in files)
    edits = counted(edit_count, "edit")
    in_files = counted(len(files), "file")
    call.say(f"{edits} in {in_files}")
    folder = quote(str(root))
    if target is not None:
        path = quote(str(target.absolute()))
        apply = f"cd {folder} && git apply {path}   (or: patch -p1 < {path})"
    else:
        apply = f"ankiforge patch -q | patch -p1 -d {folder}"
    if target is not None or not call.as_json:
        call.say(f"to apply: {apply}")
        call.say("then: ankiforge run")
