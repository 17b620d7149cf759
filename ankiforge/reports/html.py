"""A report as one page: a file that needs no network, no script and no other file.

What is put in is text and gets escaped; only `Html`, which these functions return, is markup.

    page("Audit", section("Cards", table("By deck", ("deck", Column("cards", number=True)), rows)))
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ankiforge import __version__
from ankiforge.errors import UsageError
from ankiforge.reports.plots import STYLE as PLOT_STYLE
from ankiforge.text.fold import isolated

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'"
)
_GENERATOR = '<meta name="generator" content="ankiforge '
_HEAD_BYTES = 1_000
"""By then the name of the program stands in a page of ours."""
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""What no page may hold."""
_VOID = frozenset(("br", "hr", "img", "link", "meta"))


class Html(str):
    """Markup that is whole, and escaped where it was text."""

    __slots__ = ()


def words(value: object) -> Html:
    """Text as markup, such that it reorders nothing beside it; markup stays."""
    return value if isinstance(value, Html) else _escaped(isolated(str(value)))


def _escaped(text: str) -> Html:
    return Html(escape(_UNSEEN.sub("", text)))


def element(name: str, /, *inside: object, **attributes: object) -> Html:
    """One element; `class_` is the attribute class, `aria_label` aria-label.

    An attribute that is None or False is left out, one that is True stands by its name alone.
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(inside)}</{name}>")


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_escaped(str(value))}"'


def joined(parts: Iterable[object], between: str = "") -> Html:
    """One after the other."""
    return Html(words(between).join(words(part) for part in parts))


# --- parts of a page ------------------------------------------------------------------------


def paragraph(*inside: object) -> Html:
    """A paragraph."""
    return element("p", *inside)


def note(*inside: object) -> Html:
    """A paragraph in small letters: what a number rests on, what is missing."""
    return element("p", *inside, class_="note")


def section(title: str, *parts: object) -> Html:
    """A part of the page under its heading."""
    return element("section", element("h2", title), *parts)


def folded(title: object, *parts: object) -> Html:
    """What is shown when its line is clicked."""
    return element("details", element("summary", title), *parts)


def facts(pairs: Iterable[tuple[str, object, str]]) -> Html:
    """Large numbers beside one another: (what, the number, a few words below it)."""
    boxes = (
        element("div", element("dt", what), element("dd", number, element("small", below)))
        for what, number, below in pairs
    )
    return element("dl", *boxes, class_="facts")


def beside(*parts: object) -> Html:
    """Parts beside one another where the page is wide enough."""
    return element("div", *parts, class_="beside")


def figure(plot: str, caption: str, *, wide: bool = False) -> Html:
    """A plot of `plots` with its caption; a wide one is scrolled, its right end in view."""
    scrolled = _scrolled(Html(plot), caption, "scroll wide") if wide else Html(plot)
    return element("figure", scrolled, element("figcaption", caption))


def _scrolled(inside: Html, label: str, style: str = "scroll") -> Html:
    """What may be wider than a phone: also the keyboard can scroll it."""
    return element("div", inside, class_=style, role="region", aria_label=label, tabindex="0")


# --- tables ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    number: bool = False
    """Numbers stand to the right."""


def table(caption: str, columns: Sequence[Column | str], rows: Iterable[Sequence[object]]) -> Html:
    """A table; the first cell of a row says what the row is of. A wide one is scrolled."""
    heads = tuple(one if isinstance(one, Column) else Column(one) for one in columns)
    top = element("tr", *(_head(one) for one in heads))
    body = (element("tr", *map(_cell, heads, row, range(len(heads)))) for row in rows)
    inner = element(
        "table",
        element("caption", caption),
        element("thead", top),
        element("tbody", *body),
    )
    return _scrolled(inner, caption)


def _head(column: Column) -> Html:
    return element("th", column.title, scope="col", class_="number" if column.number else None)


def _cell(column: Column, value: object, place: int) -> Html:
    shown = value if isinstance(value, Html) or column.number else element("bdi", value)
    if place == 0:
        return element("th", shown, scope="row")
    return element("td", shown, class_="number" if column.number else None)


# --- the page -------------------------------------------------------------------------------


def page(title: str, *parts: object, below: str = "") -> str:
    """The whole page. `below`: a line under its title."""
    head = (
        Html(f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{_GENERATOR}'),
        words(__version__),
        Html('">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'),
        Html('<link rel="icon" href="data:,">\n'),
        element("title", title),
        Html(f"\n<style>\n{_STYLE}{PLOT_STYLE}</style>\n</head>\n<body>\n"),
    )
    top = element("header", element("h1", title), element("p", below) if below else "")
    main = element("main", joined(parts, "\n"))
    return f"{joined(head)}{top}\n{main}\n</body>\n</html>\n"


def write_page(path: Path, text: str, *, force: bool = False) -> None:
    """Write a page; what is no page of ours is only replaced with `force`.

    Raises:
        UsageError: another file is in the way, or it cannot be written.
    """
    check_place(path, force=force)
    beside_it = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside_it.write_text(text, encoding="utf-8", newline="")
        beside_it.replace(path)
    except OSError as error:
        beside_it.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def check_place(path: Path, *, force: bool = False) -> None:
    """Stop before work is done for a page that may not be written there.

    Raises:
        UsageError: it is a folder, in none, or a file that is no page of ours.
    """
    if path.is_dir() or not path.parent.is_dir():
        what = (
            f"{path}: is a folder" if path.is_dir() else f"{path.parent}: there is no such folder"
        )
        raise UsageError(what, hint="name a file: --html report.html")
    if path.exists() and not force and not is_ours(path):
        raise UsageError(
            f"{path}: is no page of ankiforge; it is left as it is",
            hint="another name, or --force to replace it",
        )


def is_ours(path: Path) -> bool:
    """Whether a file is a page that `page` made."""
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False


_STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f1f2ee; --paper: #fcfcfa; --panel: #e8eae4; --ink: #1d2433; --quiet: #555f74;
  --line: #d2d5cc; --accent: #2457c5; --second: #8a4b00;
  --level-0: #e4e6df; --level-1: #b5cbf0; --level-2: #7fa3e3; --level-3: #4375cd; --level-4: #17408f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c; --paper: #1c1f26; --panel: #272b34; --ink: #e4e7ee; --quiet: #a3adc0;
    --line: #3b414e; --accent: #8db4ff; --second: #ffbf69;
    --level-0: #2a2f39; --level-1: #2b4577; --level-2: #3f66ad; --level-3: #6a94e0; --level-4: #b9d2ff;
  }
}
*, ::before, ::after { box-sizing: border-box; }
body {
  max-width: 62rem; margin: 0 auto; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: break-word;
}
h1 { margin: .5rem 0 0; font-size: 1.5rem; }
h2 { margin: 0 0 .75rem; font-size: 1.125rem; }
header p, .note { margin: .25rem 0; color: var(--quiet); font-size: .875rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--accent); }
code { font: .875em/1.4 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
section {
  margin: 1.25rem 0; padding: 1rem; border: 1px solid var(--line); border-radius: .75rem;
  background: var(--paper);
}
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .75rem; margin: 0; }
.facts div { padding: .5rem .75rem; border-radius: .5rem; background: var(--panel); }
.facts dt { color: var(--quiet); font-size: .875rem; }
.facts dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.facts small { display: block; color: var(--quiet); font-size: .8125rem; font-weight: 400; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem 1.5rem; }
.beside > * { min-width: 0; }
.scroll { overflow-x: auto; }
.scroll + .scroll, .scroll + h3 { margin-top: 1.25rem; }
.wide { direction: rtl; }
.wide > * { direction: ltr; margin-right: auto; }
figure { margin: .75rem 0; }
figcaption { color: var(--quiet); font-size: .875rem; }
table { min-width: 100%; border-collapse: collapse; font-size: .9375rem; }
caption { padding: .25rem 0; color: var(--quiet); font-size: .875rem; text-align: start; }
th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
thead th { color: var(--quiet); font-size: .8125rem; font-weight: 600; vertical-align: bottom; }
tbody th { min-width: 9rem; font-weight: 400; overflow-wrap: anywhere; }
td:not(.number) { min-width: 6rem; overflow-wrap: anywhere; }
td code { white-space: nowrap; }
th:first-child { position: sticky; left: 0; background: var(--paper); }
.number { padding: .25rem .25rem .25rem .5rem; text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
.number + :not(.number) { padding-left: .75rem; }
details { margin: .5rem 0; padding: .25rem 0; border-top: 1px solid var(--line); }
summary { cursor: pointer; }
@media (max-width: 34rem) {
  body { padding: .5rem; }
  section { margin: .75rem 0; padding: .75rem; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  td code { white-space: normal; }
}
@media print {
  body { max-width: none; padding: 0; background: none; }
  section { padding: .5rem; }
  tr, figure, .facts { break-inside: avoid; }
  .scroll { overflow: visible; }
  .plot { min-width: 0 !important; }
  table { font-size: .6875rem; }
  thead th { font-size: .625rem; }
  tbody th { min-width: 5rem; }
  td:not(.number) { min-width: 4rem; }
  .number { padding: .125rem .125rem .125rem .25rem; }
}
"""
