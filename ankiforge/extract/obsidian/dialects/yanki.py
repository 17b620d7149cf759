"""yanki: a file is one note; `---` parts its sides, `~~x~~` is a cloze."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from ankiforge.extract.obsidian.dialects.holes import Hole, clozed, holes
from ankiforge.extract.obsidian.dialects.page import HEADING, RULE, Page, Written
from ankiforge.extract.obsidian.dialects.settings import YankiSettings
from ankiforge.model import Form, Span

_STRUCK = re.compile(r"(?<!~)~~(?!~)(?P<answer>\S|\S.*?\S)(?<!~)~~(?!~)")
_NUMBER = re.compile(r"[(|]?(\d{1,2})(?:[\s).|]|$)[ \t]*(?=\S)")
_HINT = re.compile(r"(?<=[^\s_*])[ \t]*(?:(?<!_)_([^_\n]+)_|(?<!\*)\*([^*\n].*?)\*)$")
_EMPHASIS = re.compile(r"_([^_\n]+)_|\*([^*\n]+)\*")


class Yanki:
    """Reads files as that tool does."""

    signs = r"~~|^ {0,3}(?:-[ \t]*){3,}$|^ {0,3}(?:\*[ \t]*){3,}$|^ {0,3}(?:_[ \t]*){3,}$|[_*]$"

    def __init__(self, settings: YankiSettings) -> None:
        self.folders = tuple(folder.strip("/") for folder in settings.folders)

    def ours(self, page: Page) -> frozenset[str]:
        """None: the file is one card."""
        return frozenset()

    def reads_highlights(self, page: Page) -> bool:
        """They are mere marks there."""
        return False

    def cards(self, page: Page) -> Iterator[Written]:
        """One card, or none."""
        if self.folders and not any(
            fnmatchcase(page.path, f"{folder}/*") for folder in self.folders
        ):
            return
        card = self.card(page)
        if card:
            yield replace(card, first=0, last=len(page.lines), id=page.note_id)

    def card(self, page: Page) -> Written | None:
        """The card that a file is, by its rules and its struck words."""
        rules = [at for at in range(len(page.lines)) if _is_rule(page, at)]
        parts = _between(rules, len(page.lines))
        front = page.source(*parts[0]).strip("\n")
        mask = page.mask(front)
        struck = list(_numbered(front, holes(mask, (_STRUCK,))))
        if struck:
            text = clozed(page, front, mask, struck)
            extra = page.source(rules[0] + 1, len(page.lines)).strip("\n") if rules else ""
            sides = (text, *([page.side(extra)] if extra.strip() else []))
            return _written(page, Form.CLOZE, sides, front, extra if extra.strip() else front)
        if not rules:
            return self.typed(page, front)
        two_way = len(rules) > 1 and not page.source(*parts[1]).strip()
        rest = parts[2:] if two_way else [(parts[1][0], len(page.lines))]
        sources = [_shown(front), *(page.source(*part).strip("\n") for part in rest[:2])]
        if not all(source.strip() for source in sources[:2]) or len(sources) < 2:
            return None
        sides = tuple(page.side(source) for source in sources if source.strip())
        card = _written(page, Form.BLOCK, sides, front, [one for one in sources if one.strip()][-1])
        return replace(card, two_way=two_way)

    def typed(self, page: Page, source: str) -> Written | None:
        """The last words, emphasised, are to be typed; only where the file is surely a card."""
        lines = source.rstrip().split("\n")
        found = _EMPHASIS.fullmatch(lines[-1].strip())
        front = "\n".join(lines[:-1]).strip("\n")
        if not (found and front.strip() and (page.note_id or self.folders)):
            return None
        back = found[1] or found[2]
        return _written(page, Form.BLOCK, (page.side(_shown(front)), page.side(back)), front, back)


def _written(page: Page, form: Form, sides: tuple[str, ...], front: str, end: str) -> Written:
    whole = page.source(0, len(page.lines))
    return Written(0, 0, form, sides, whole, (front, end), tags=page.tags_in(front, end))


def _shown(front: str) -> str:
    """A front that is a heading, without its sign."""
    return front.lstrip("# \t") if "\n" not in front and HEADING.match(front) else front


def _is_rule(page: Page, at: int) -> bool:
    """Whether a line is a rule, not the underline of a heading."""
    if at in page.code or not RULE.match(page.lines[at]):
        return False
    above = page.lines[at - 1] if at else ""
    underlines = page.lines[at].strip().strip("-") == ""
    return not (underlines and above.strip() and not RULE.match(above) and not HEADING.match(above))


def _between(rules: list[int], count: int) -> list[Span]:
    """The lines between the rules, before the first and after the last."""
    starts = [0, *(at + 1 for at in rules)]
    return list(zip(starts, [*rules, count], strict=True))


def _numbered(source: str, found: list[Hole]) -> Iterator[Hole]:
    """With the numbers they begin with, else the next one; emphasis at the end is a hint."""
    number = 0
    for hole in found:
        start, end = hole.answer
        given = _NUMBER.match(source[:end], start)
        number = int(given[1]) if given else number + 1
        start = given.end() if given else start
        hint = _HINT.search(source[start:end])
        if hint:
            inside = hint.span(1) if hint[1] else hint.span(2)
            hole = replace(hole, hint=(start + inside[0], start + inside[1]))
            end = start + hint.start()
        yield replace(hole, answer=(start, end), numbers=str(number))
