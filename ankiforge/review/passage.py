"""The passage beside a card: its words with the marks in them, its tables and formulas, links to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, takewhile
from typing import Any
from urllib.parse import unquote, urlsplit

from ankiforge.anki.render import address
from ankiforge.model import Highlight, HighlightKind, Route, Span
from ankiforge.review.faces import mathml
from ankiforge.text.cloze import shields
from ankiforge.text.fold import isolated, locate
from ankiforge.text.passages import from_a_word, to_a_word

Run = tuple[str, str, str]
"""(text, its signs, MathML): `m` marked, `q` the words that the card rests on; MathML of a formula or ""."""
_CELL = re.compile(r"\s*\|\s*")
_SHORT_ADDRESS = 48


def passage(highlight: Highlight, quote: str = "", answer: str = "") -> dict[str, Any]:
    """Return the passage of a highlight as the page shows it.

    The quote of a card is underlined; if that is all that is marked, the answer in it.

    Returns:
        `title`, `place`, `blocks` (each {runs} or {rows: [[runs]]}), `marked`, `said`, `links`, and
        `whole`, whether the blocks are the highlight alone.
    """
    text, spans = _spans(highlight, quote, answer)
    return {
        "title": isolated(highlight.document.title),
        "place": _place(highlight),
        "blocks": list(_blocks(_runs(highlight, text, spans))),
        "marked": " … ".join(text[a:b] for sign, (a, b) in spans if sign == "m"),
        "whole": text == highlight.exact,
        "said": highlight.comment,
        "links": list(_links(highlight)),
    }


def _place(highlight: Highlight) -> str:
    """Return where a passage stands: the page or the file, and the headings that are not the title."""
    document = highlight.document
    headings = [one for one in highlight.heading.split(" › ") if one and one != document.title]
    page = f"p. {highlight.page_label}" if highlight.page_label else ""
    path = document.path if highlight.route is Route.VAULT else ""
    return " · ".join(isolated(one) for one in (page or path, " › ".join(headings)) if one)


# --- words ------------------------------------------------------------------------------------


def _spans(highlight: Highlight, quote: str, answer: str) -> tuple[str, list[tuple[str, Span]]]:
    """Return the text around a highlight, and what is marked in it."""
    exact, sentence = highlight.exact, highlight.sentence
    found = locate(exact, sentence) if exact and sentence else None
    if found:
        before, exact, after = sentence[: found[0]], sentence[slice(*found)], sentence[found[1] :]
    else:
        before, after = "", ""
    prefix, suffix = from_a_word(highlight.prefix), to_a_word(highlight.suffix)
    if before and prefix.endswith(before):  # the context may begin within the sentence
        prefix = prefix[: -len(before)]
    elif before:
        prefix = "" if before.endswith(prefix) else prefix
    if after and suffix.startswith(after):
        suffix = suffix[len(after) :]
    elif after:
        suffix = "" if after.startswith(suffix) else suffix
    above, below = _near(prefix.split("\n")[::-1]), _near(suffix.split("\n"))
    if (
        above[-1]
        and prefix.startswith(above[-1])
        and from_a_word(highlight.prefix) != highlight.prefix
    ):
        above[-1] = f"… {above[-1]}"
    if below[-1] and suffix.endswith(below[-1]) and to_a_word(highlight.suffix) != highlight.suffix:
        below[-1] = f"{below[-1]} …"
    prefix, suffix = "\n".join(reversed(above)), "\n".join(below)
    head = prefix + before
    text = head + exact + after + suffix
    start, end = len(head), len(head) + len(exact)
    marks = [(start + a, start + b) for a, b in highlight.gaps if b <= len(exact)]
    if highlight.kind is HighlightKind.CARD:
        marks = []
    spans = [("m", one) for one in marks or [(start, end)]]
    rests = _located(quote, text, (start, end))
    if rests == (start, end) == spans[0][1]:
        rests = _located(answer, text, (start, end))
    if rests and rests != (start, end):
        spans.append(("q", rests))
    return text, spans


def _located(words: str, text: str, within: Span) -> Span | None:
    """Return where words stand in a part of a text, else in the text."""
    if not words.strip():
        return None
    if found := locate(words, text[slice(*within)]):
        return found[0] + within[0], found[1] + within[0]
    return locate(words, text)


def _near(lines: list[str]) -> list[str]:
    """Return the text beside a passage, and of the lines further away those of its table."""
    rows = takewhile(lambda line: " | " in line, lines[1:])
    return [lines[0], *rows] if " | " in lines[0] or not lines[0].strip() else lines[:1]


def _runs(highlight: Highlight, text: str, spans: Sequence[tuple[str, Span]]) -> Iterator[Run]:
    """Split a text where a mark begins or ends; a formula is never divided."""
    formulas: dict[int, tuple[int, str]] = {}
    if highlight.route not in (Route.PDF, Route.ZOTERO):  # there a dollar is a dollar
        for start, end, kind in shields(text):
            width = {"math": 1, "display": 2}.get(kind, 0)
            tex = text[start + width : end - width]
            drawn = mathml(tex.strip(), display=kind == "display") if width else ""
            if drawn:
                formulas[start] = (end, drawn)
    inside = [(start, end) for start, (end, _) in formulas.items()]
    edges = {0, len(text), *(edge for _, span in spans for edge in span)}
    edges = {one for one in edges if not any(a < one < b for a, b in inside)}
    edges |= {edge for span in inside for edge in span}
    for start, end in pairwise(sorted(edges)):
        signs = "".join(sign for sign, (a, b) in spans if a < end and start < b)
        drawn = formulas[start][1] if start in formulas else ""
        yield text[start:end], "".join(dict.fromkeys(signs)), drawn


def _blocks(runs: Iterator[Run]) -> Iterator[dict[str, Any]]:
    """Divide runs into paragraphs and tables: lines with ` | ` that follow each other."""
    lines: list[list[Run]] = [[]]
    for text, signs, drawn in runs:
        first, *others = [text] if drawn else text.split("\n")
        lines[-1].append((first, signs, drawn))
        lines += [[(one, signs, "")] for one in others]
    shown = [kept for line in lines if (kept := [one for one in line if one[0]])]
    for is_table, group in groupby(shown, lambda line: any(" | " in one[0] for one in line)):
        block = list(group)
        if is_table and len(block) > 1:
            yield {"rows": [_cells(line) for line in block]}
        else:
            yield from ({"runs": line} for line in block)


def _cells(line: Sequence[Run]) -> list[list[Run]]:
    cells: list[list[Run]] = [[]]
    for text, signs, drawn in line:
        first, *others = [text] if drawn else _CELL.split(text)
        if first:
            cells[-1].append((first, signs, drawn))
        cells += [[(one, signs, "")] if one else [] for one in others]
    return cells


# --- links ------------------------------------------------------------------------------------

_PROGRAMS = {"zotero": "Open in Zotero", "obsidian": "Open in Obsidian", "kindle": "Open in Kindle"}


def _links(highlight: Highlight) -> Iterator[dict[str, str]]:
    """Yield links to the mark and to its work; only known schemes can be opened."""
    document = highlight.document
    found = [highlight.uri or document.uri, *highlight.links]
    for scheme, value in document.identifiers:
        resolver = {"doi": "https://doi.org/", "arxiv": "https://arxiv.org/abs/", "url": ""}
        if scheme in resolver:
            found.append(value if "://" in value else resolver[scheme] + value)
    for target in dict.fromkeys(filter(None, map(address, found))):
        scheme = target.partition(":")[0].lower()
        if label := _PROGRAMS.get(scheme, ""):
            yield {"label": label, "href": target}
        elif scheme in ("http", "https"):
            yield {"label": _shown(target), "href": target}


def _shown(target: str) -> str:
    """Return what a link is called: host and path, without a user name that could look like a host."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return target[:_SHORT_ADDRESS]
    name = isolated(unquote(parts.netloc.rpartition("@")[2].removeprefix("www.") + parts.path))
    return name if len(name) <= _SHORT_ADDRESS else f"{name[:_SHORT_ADDRESS]}…"
