"""An audit as one page that needs no network."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from ankiforge.model import Finding, Severity
from ankiforge.reports import html, plots
from ankiforge.reports.auditing.audit import Audit, Figures
from ankiforge.reports.auditing.kinds import advice, meaning
from ankiforge.reports.auditing.telling import percent, tallied
from ankiforge.reports.html import Column, Html
from ankiforge.reports.linting.findings import Linted
from ankiforge.reports.linting.telling import WORDS, counted, ranked, said

SHOWN = 200
"""Notes of a kind that a page names; more would be felt by a browser."""
_WORDS = 120
"""Characters of a note that are shown."""
_LAPSES = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (8, "6–8"), (inf, "9+"))
_MOST_DECKS = 50
_OPEN = 10
"""Of so few notes nobody need open a list to see them."""


def as_html(audit: Audit, title: str, below: str, shown: int | None = SHOWN) -> str:
    """The page.

    Args:
        audit: what was found.
        title: of the page.
        below: a line under it: what was looked at, and when.
        shown: notes of a kind; None = all.
    """
    figures = audit.figures
    return html.page(
        title,
        html.section("At a glance", _facts(figures)),
        html.section("What was found", *_overview(audit)),
        html.section("The notes, the worst first", *_kinds(audit, shown)),
        html.section("By deck", *_decks(figures)),
        html.section("How the cards fare", *_faring(figures)),
        html.section("Besides", *_besides(figures)),
        below=below,
    )


def _facts(figures: Figures) -> Html:
    answers = figures.answers
    given = f"of {answers.tested:,} answers" if answers.tested else "no answers"
    return html.facts(
        (
            ("Notes", f"{figures.notes:,}", f"{figures.ours:,} by ankiforge"),
            (
                "Cards",
                f"{figures.cards:,}",
                f"{figures.new:,} new, {figures.suspended:,} suspended",
            ),
            ("Decks", f"{figures.deck_count:,}", "with notes"),
            ("Retention", percent(answers.retention), given),
            ("Leeches", f"{figures.leeches:,}", "notes with the tag"),
            ("With findings", f"{figures.found:,}", f"{percent(figures.share)} of the notes"),
        )
    )


# --- what was found -------------------------------------------------------------------------


def _overview(audit: Audit) -> Iterator[Html]:
    tally = tallied(audit, 1)
    if not tally.counts:
        yield html.paragraph("Nothing: no check has a word to say, and no card fails.")
        return
    rows = [
        (
            html.element("a", name, href=f"#{severity}-{name}"),
            meaning(name),
            WORDS[severity],
            f"{tally.counts[severity, name]:,}",
            _share(tally.counts[severity, name], audit.figures.notes),
        )
        for severity, name in ranked(tally)
    ]
    columns = ("found", "meaning", "weight", Column("notes", number=True), "share")
    yield html.table("By weight, then by number", columns, rows)


def _share(part: int, whole: int) -> Html:
    return html.joined((Html(plots.share_bar(part / whole)), percent(part / whole)), " ")


def _kinds(audit: Audit, shown: int | None) -> Iterator[Html]:
    of_kind: dict[tuple[Severity, str], list[tuple[Linted, Finding]]] = {}
    for linted in audit.notes:
        first = {(one.severity, one.check): one for one in reversed(linted.findings)}
        for key, finding in first.items():
            of_kind.setdefault(key, []).append((linted, finding))
    for severity, name in ranked(tallied(audit, 1)):
        found = of_kind[severity, name]
        yield _kind(severity, name, found, found[:shown])
    if not of_kind:
        yield html.paragraph("None.")


def _kind(
    severity: Severity,
    name: str,
    found: list[tuple[Linted, Finding]],
    shown: list[tuple[Linted, Finding]],
) -> Html:
    columns = ("note, and what is found", "deck", "in Anki")
    rows = [(_said(one, finding), one.note.deck, _place(one)) for one, finding in shown]
    parts = [
        html.element("p", f"What to do: {advice(name)}.", id=f"{severity}-{name}", class_="note"),
        html.table("The worst first", columns, rows),
    ]
    if more := len(found) - len(shown):
        parts.append(html.note(f"… and {more:,} more."))
    title = f"{name} · {WORDS[severity]} · {counted(len(found))}"
    summary = html.element("summary", title)
    return html.element("details", summary, *parts, open=len(found) <= _OPEN)


def _said(linted: Linted, finding: Finding) -> Html:
    front = html.element("bdi", _short(linted.note.front))
    return html.joined((front, html.note(said(finding))))


def _short(text: str) -> str:
    return text if len(text) <= _WORDS else f"{text[: _WORDS - 1].rstrip()}…"


def _place(linted: Linted) -> Html:
    """By what the note is found: Anki's search takes the first, ours the second."""
    found = [html.element("code", f"nid:{linted.note.id}")]
    if linted.ours:
        found.append(html.element("code", linted.note.guid))
    return html.joined(found, " ")


# --- the rest -------------------------------------------------------------------------------


def _decks(figures: Figures) -> Iterator[Html]:
    found = figures.found_in
    order = sorted(figures.decks, key=lambda deck: (-found[deck], deck))
    rows = [
        (
            deck or "no card, so no deck",
            f"{figures.decks[deck]:,}",
            f"{found[deck]:,}",
            _share(found[deck], figures.decks[deck]),
        )
        for deck in order[:_MOST_DECKS]
    ]
    columns = ("deck", Column("notes", number=True), Column("with findings", number=True), "share")
    yield html.table("The decks with the most findings first", columns, rows)
    if len(order) > _MOST_DECKS:
        yield html.note(f"… and {len(order) - _MOST_DECKS:,} more.")


def _faring(figures: Figures) -> Iterator[Html]:
    if not figures.lapses:
        yield html.paragraph("No card in it was ever answered.")
        return
    counts = dict.fromkeys((label for _, label in _LAPSES), 0)
    for lapses, cards in figures.lapses.items():
        counts[next(label for most, label in _LAPSES if lapses <= most)] += cards
    plot = plots.bars("lapses", "Cards by lapses", tuple(counts.items()))
    yield html.figure(plot, "Cards that were studied, by how often they were forgotten.")
    answers = figures.answers
    for what, passed, count in (
        ("young", answers.young_passed, answers.young),
        ("mature", answers.mature_passed, answers.mature),
    ):
        if count:
            yield html.note(
                f"Of {count:,} answers to {what} cards {percent(passed / count)} were right."
            )


def _besides(figures: Figures) -> Iterator[Html]:
    for why, count in figures.unread.most_common():
        yield html.paragraph(f"Not read by the checks: {counted(count)} ({why}).")
    if figures.unused_types:
        yield html.paragraph(f"Note types without a note: {', '.join(figures.unused_types)}.")
    yield html.note(
        "Nothing was changed: neither this file, nor Anki, nor a card of yours. In Anki's browser"
        " nid: and the number find a note."
    )
