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
    # a line of JSON for each file, and for each edit without a patch
    if call.as_json:
        names = ("root", "path", "cards", "words", "patch", "refused")
        rows: list[tuple[object, ...]] = []
        for file in result.files:
            text = file.diff.decode("utf-8")
            rows.append((str(file.root), file.path, list(file.guids), "", text, ""))
        for edit in result.refused:
            rows.append(("", edit.where, [edit.guid], edit.words, "", edit.reason))
        for row in rows:
            call.data(dict(zip(names, row, strict=True)))
    elif output is None and diff and sys.stdout.isatty():
        # without signs that could control the terminal
        call.print(diff.decode("utf-8").removesuffix("\n"))
    elif output is None and diff:
        sys.stdout.flush()
        sys.stdout.buffer.write(diff)
        sys.stdout.buffer.flush()

    # what it holds and what it does not, and how it is applied
    for edit in result.refused:
        where = f"“{edit.words}” in {edit.where}, {edit.guid[:10]}"
        call.warn(f"not in the patch: {where}: {edit.reason}")
    if not result.files:
        left = "other " if result.refused else ""
        call.say(f"no {left}edit in Anki to bring back")
        return
    edits = counted(sum(len(file.guids) for file in result.files), "edit")
    call.say(f"{edits} in {counted(len(result.files), 'file')}")
    folder = quote(str(root))
    if output is not None:
        path = quote(str(output.expanduser().absolute()))
        apply = f"cd {folder} && git apply {path}   (or: patch -p1 < {path})"
    else:
        apply = f"ankiforge patch -q | patch -p1 -d {folder}"
    if output is not None or not call.as_json:
        call.say(f"to apply: {apply}")
        call.say("then: ankiforge run")
