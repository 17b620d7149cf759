"""`ankiforge export`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from ankiforge.cli.choosing import joined
from ankiforge.cli.common import Call, common_options, tell_problems
from ankiforge.cli.session import Session, session, told
from ankiforge.errors import ItemError, UsageError
from ankiforge.model import Card, Highlight
from ankiforge.reports.export import COLUMNS, Chosen, as_csv, lines, pages, write, write_pages
from ankiforge.review.query import FIELDS, parse

FORMATS = ("markdown", "jsonl", "csv")
STDOUT = "-"
_OF_ENDING = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_SAFE = frozenset(("obsidian", "markdown", "pdf", "zotero"))
"""Sources that read no export."""
EPILOG = """\b
Examples:
  ankiforge export all.jsonl                  all there is; ankiforge import all.jsonl reads it
  ankiforge export ~/Vault/Read               a page of Markdown for each work
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
  ankiforge export - --format markdown document:Lenses
  ankiforge export cards.csv --force          over a file that is no export
"""


# -tag:x is a word of the query, not an option
@click.command(epilog=EPILOG, context_settings={"ignore_unknown_options": True})
@click.argument("target", required=False, metavar="[FILE|FOLDER]")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Else as the name says.")
@click.option("--force", is_flag=True, help="Replace a file that is no export.")
@common_options
def command(
    call: Call, target: str | None, query: tuple[str, ...], form: str | None, force: bool
) -> None:
    """Take highlights, cards and decisions along: JSON Lines, CSV, or a folder of Markdown."""
    unknown = next((word for word in query if word.startswith("--")), "")
    if unknown:
        raise click.NoSuchOption(unknown, ctx=click.get_current_context())
    if target and target.lstrip("-").partition(":")[0] in FIELDS and ":" in target:
        target, query = STDOUT, (target, *query)
    target = target or STDOUT
    form = form or _form_of(target)
    with session(call, forgetful=True) as now:
        chosen = _chosen(now, joined(query))
        if target == STDOUT:
            _print(now, chosen, form)
            return
        path = Path(target).expanduser().absolute()
        _check(now, path, form, force=force)
        try:
            done = _WRITERS[form](now, chosen, path)
        except OSError as error:
            what = f"{path}: cannot be written: {error.strerror or error}"
            raise ItemError(what, hint="make room or rights there; nothing is lost") from error
        if call.talk.as_json:
            call.talk.data({"format": form, "path": str(path), **_counts(chosen), **done})
        else:
            _say(now, chosen, path, done)


def _form_of(target: str) -> str:
    """As the name says: a folder holds Markdown, what has no name is JSON Lines."""
    path = Path(target).expanduser()
    ending = path.suffix.casefold()
    if target == STDOUT or (ending in _OF_ENDING and not path.is_dir()):
        return _OF_ENDING.get(ending, "jsonl")
    if ending in (".md", ".markdown") and not path.is_dir():
        raise UsageError(f"{target}: Markdown is written into a folder", hint="name a folder")
    if ending and not path.is_dir():
        raise UsageError(f"{target}: in which format?", hint=f"--format {'|'.join(FORMATS)}")
    return "markdown"


# --- what -----------------------------------------------------------------------------------


def _chosen(now: Session, query: str) -> Chosen:
    """The cards a query means, rejected and retired ones too, and the passages."""
    wanted = parse(query)
    cards = tuple(now.desk.matching(query))
    highlights = dict(_passages(now, cards, wanted.matches_passage))
    tags = {str(card.guid): now.tags(card) for card in cards}
    documents = {one.document.key for one in highlights.values()}
    documents |= {card.highlight.document.key for card in cards}
    works = now.ledger.search.works_of(sorted(documents))
    return Chosen(tuple(highlights.values()), cards, tags, not query, query, works)


def _passages(
    now: Session, cards: tuple[Card, ...], means: Callable[[Highlight], bool]
) -> Iterator[tuple[str, Highlight]]:
    """All that were read, in their order: of a card that is meant, or meant themselves."""
    carded = {card.highlight.key for card in cards} | {
        also.key for card in cards for also in card.also
    }
    for highlight in now.ledger.highlights.all():
        if highlight.key in carded or means(highlight):
            yield highlight.key, highlight


# --- where ----------------------------------------------------------------------------------


def _check(now: Session, path: Path, form: str, *, force: bool) -> None:
    """No source may read what is written, and nothing that is no export is replaced.

    Raises:
        UsageError: so it would be.
    """
    for source in now.workspace.config.sources:
        inside = source.has_folder and path.resolve().is_relative_to(source.path.resolve())
        if inside and source.kind not in _SAFE:
            what = f"{path} lies in {source.path}, which {source.kind} reads: it would read itself"
            raise UsageError(what, hint="export to another folder")
    for place in (place for item in now.workspace.remembered for place in item.places):
        if place.kind not in _SAFE and any(
            path.resolve().is_relative_to(at) for at in place.targets
        ):
            what = f"{path} lies in what {place.kind} reads of {place.root}: it would read itself"
            raise UsageError(what, hint="export to another folder")
    if form == "markdown":
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is no folder", hint="Markdown is written into a folder")
    elif path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"name a file: {path.name}/all.{form}")
    elif path.exists() and not force and not _is_ours(path, form):
        raise UsageError(f"{path} is no export of ankiforge", hint="another name, or --force")


def _is_ours(path: Path, form: str) -> bool:
    """Whether a file begins as an export does."""
    begins = b'{"type":"ankiforge"' if form == "jsonl" else ",".join(COLUMNS).encode()
    with path.open("rb") as file:
        return file.read(len(begins)) in (begins, b"")


# --- how ------------------------------------------------------------------------------------


def _print(now: Session, chosen: Chosen, form: str) -> None:
    talk = now.call.talk
    if talk.as_json and form != "jsonl":
        raise UsageError("--json prints JSON Lines", hint=f"name a file for {form}")
    if form == "csv":
        talk.write(as_csv(chosen).replace("\r\n", "\n").rstrip("\n"))
    elif form == "markdown":
        talk.write("\n".join(text for _, text in pages(chosen)))
    else:
        for line in lines(now.ledger, chosen, partial(told, now)):
            if not talk.data(line):
                return


def _lines(now: Session, chosen: Chosen, path: Path) -> dict[str, Any]:
    encoded = map(msgspec.json.encode, lines(now.ledger, chosen, partial(told, now)))
    write(path, (f"{line.decode()}\n" for line in encoded))
    return {"written": [str(path)]}


def _sheet(now: Session, chosen: Chosen, path: Path) -> dict[str, Any]:
    write(path, [as_csv(chosen)])
    return {"written": [str(path)]}


def _pages(now: Session, chosen: Chosen, path: Path) -> dict[str, Any]:
    done = write_pages(path, chosen)
    tell_problems(now.call, done.kept)
    return {
        "written": list(map(str, done.written)),
        "unchanged": len(done.unchanged),
        "kept": [one.where for one in done.kept],
        "left": list(map(str, done.left)),
    }


_WRITERS: dict[str, Callable[[Session, Chosen, Path], dict[str, Any]]] = {
    "markdown": _pages,
    "jsonl": _lines,
    "csv": _sheet,
}


def _counts(chosen: Chosen) -> dict[str, int]:
    return {
        "documents": len(chosen.documents),
        "highlights": len(chosen.highlights),
        "cards": len(chosen.cards),
    }


def _say(now: Session, chosen: Chosen, path: Path, done: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in _counts(chosen).items())
    now.call.talk.say(f"{path}: {counts}")
    if "unchanged" in done:
        written, unchanged = len(done["written"]), done["unchanged"]
        now.call.talk.say(f"  {written} pages written, {unchanged} were so already")
    for one in done.get("left", ()):
        now.call.talk.say(f"  left as it is: {one}: nothing exported is of its work")
