"""The card syntaxes of other tools for Obsidian."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from textwrap import dedent

from ankiforge.extract.markdown.blocks import without_id
from ankiforge.extract.markdown.cards import FIELD
from ankiforge.extract.markdown.page import (
    AS_FIELD,
    FOOTNOTE,
    HEADING,
    ID,
    NUMBERED_BLOCK,
    Dialect,
    Page,
    ToolCard,
    between,
    content,
)
from ankiforge.extract.markdown.source import COMMENT
from ankiforge.extract.obsidian.grammar import (
    Cloze,
    Separator,
    block_card,
    card_on_line,
    cloze_card,
    cloze_text,
    find_clozes,
    is_ours,
    numbered_clozes,
)
from ankiforge.extract.obsidian.plugins import FlashcardsSettings, OsrSettings, Plugins
from ankiforge.model import Form, Span


def chosen_dialects(cards: Sequence[str], plugins: Plugins) -> tuple[Dialect, ...]:
    """Return the dialects among the kinds of cards, in their order, which is that of precedence."""
    makers: dict[str, Callable[[], Dialect]] = {
        "osr": lambda: Osr(plugins.osr, beside_ours="block" in cards),
        "o2a": O2a,
        "flashcards": lambda: Flashcards(plugins.flashcards),
    }
    return tuple(makers[name]() for name in dict.fromkeys(cards) if name in makers)


# --- obsidian-spaced-repetition -------------------------------------------------------------

_SCHEDULE = re.compile(r"[ \t]*>[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout that holds a scheduler's data."""


class Osr(Dialect):
    """obsidian-spaced-repetition: `front::back`, a line `?`, and clozes of whole paragraphs.

    With the plugin's default separators, its single-line and multi-line cards are read like ours,
    so they are the same highlights; what our reading takes for names of a program is left to a
    person. The one difference is a single-line card within a multi-line card: it takes precedence,
    unless our own `block` is wanted, too.
    """

    def __init__(self, settings: OsrSettings, *, beside_ours: bool = False) -> None:
        """`beside_ours`: our own multi-line cards are wanted, too, and take precedence."""
        usual = type(settings)()
        self.beside_ours = beside_ours
        patterns = tuple(one for one in settings.cloze_patterns if "answer" in one)
        self.patterns = ClozePatterns(patterns)
        line = (settings.single_line_card_separator, settings.single_line_reversed_card_separator)
        self.inline = (Separator(line[0]), Separator(line[1], two_way=True))
        pair = (settings.multiline_card_separator, settings.multiline_reversed_card_separator)
        self.multiline = {sign: sign == pair[1] for sign in reversed(pair) if sign.strip()}
        self.end = settings.multiline_card_end_marker.strip()
        self.our_lines = line == (
            usual.single_line_card_separator,
            usual.single_line_reversed_card_separator,
        )
        self.our_blocks = (*pair, settings.multiline_card_end_marker) == (
            usual.multiline_card_separator,
            usual.multiline_reversed_card_separator,
            usual.multiline_card_end_marker,
        )
        signs = [re.escape(sign) for sign in line if sign.strip()]
        signs += [rf"^[ \t>]*{re.escape(sign)}[ \t]*$" for sign in self.multiline]
        self.signs = "|".join([*signs, *map(re.escape, self.patterns.signs)]) or r"(?!)"
        tags = () if settings.convert_folders_to_decks else settings.flashcard_tags
        self.tags = frozenset(tag.strip("#").casefold() for tag in tags)

    def defines_marks(self, page: Page) -> bool:
        """Return whether `==x==` is a cloze of this plugin, which reads only notes with its tags."""
        return self._is_tagged(page)

    def _is_tagged(self, page: Page) -> bool:
        tags = (tag.casefold() for tag in page.tags)
        return not self.tags or any(
            tag == wanted or tag.startswith(f"{wanted}/") for tag in tags for wanted in self.tags
        )

    def own_forms(self, page: Page) -> frozenset[str]:
        """Return `inline` and `block`, if the plugin uses the same separators."""
        if not self._is_tagged(page):
            return frozenset()
        forms = (("inline", self.our_lines), ("block", self.our_blocks))
        return frozenset(form for form, is_its_own in forms if is_its_own)

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards line by line, in the order in which the plugin reads a note."""
        if self._is_tagged(page):
            yield from _OsrWalk(self, page).all()


class _OsrWalk:
    """One pass over a note: the current group of lines, and what it is so far."""

    def __init__(self, osr: Osr, page: Page) -> None:
        self.osr, self.page = osr, page
        self.found: list[ToolCard] = []
        self.reset()

    def reset(self) -> None:
        """Start a new group: no first line, no separator, no cloze."""
        self.first = self.separator = -1
        self.cloze = False

    def all(self) -> list[ToolCard]:
        at, page = 0, self.page
        while at < len(page.lines):
            if at in page.fence_at:
                self.open(at)
                at = page.fence_at[at][1]
            elif self.osr.our_blocks and at in page.regions and at not in self.divided:
                self.flush(at)
                at = page.regions[at][1]
            else:
                at = self.line(at)
        self.flush(at)
        return self.found

    @cached_property
    def divided(self) -> frozenset[int]:
        """The lines of our multi-line cards over which a single-line card takes precedence."""
        if self.osr.beside_ours:
            return frozenset()
        inside = (at for at in self.page.regions if at not in self.page.code and self.is_card(at))
        spans = {self.page.regions[at] for at in inside}
        return frozenset(line for span in spans for line in range(*span))

    def is_card(self, at: int) -> bool:
        """Return whether a line is a single-line card beyond doubt."""
        if self.osr.our_lines:
            return is_ours(self.page, at, sure=True)
        return card_on_line(self.page, at, self.osr.inline) is not None

    def line(self, at: int) -> int:
        """Read one line; return the index of the next one to read."""
        page, text = self.page, self.page.lines[at].strip()
        is_open = self.separator >= 0 or self.cloze
        if page.is_comment(at):
            return at + 1
        if _SCHEDULE.match(page.lines[at]):
            self.flush(at)
            while at < len(page.lines) and page.lines[at].lstrip().startswith(">"):
                at += 1
            return at
        if text == self.osr.end or (not text and not (self.osr.end and is_open)):
            self.flush(at)
        elif text in self.osr.multiline and self.first >= 0 and self.separator < 0:
            self.separator = at  # the lines above are the front
        elif text in self.osr.multiline or at in page.code:
            self.open(at)
        else:
            self.words(at)
        return at + 1

    def words(self, at: int) -> None:
        """Read a line of text: a card of its own, a cloze, or a part of the current group."""
        page, ours = self.page, self.osr.our_lines
        heading = HEADING.match(page.lines[at]) is not None
        if at not in page.cells and (self.separator < 0 or self.is_card(at)):
            is_own = ours and is_ours(page, at)
            card = None
            if not is_own or at in page.regions:
                card = card_on_line(page, at, self.osr.inline)
                if card and ours and not heading:  # by our own reading it is not a card
                    card = card._replace(form=Form.INLINE_FIELD, written=AS_FIELD)
            if card or is_own:
                if self.separator < 0:
                    self.flush(at)  # within a multi-line card it replaces that card
                self.reset()
                self.found += [card] if card else []
                return
        after_heading = 0 <= self.first == at - 1 and HEADING.match(page.lines[self.first])
        if self.separator < 0 and (heading or FOOTNOTE.match(page.lines[at]) or after_heading):
            self.flush(at)
        self.open(at)
        if self.separator < 0 and not self.cloze:
            self.cloze = self.osr.patterns.matches(page, page.lines[at])

    def open(self, at: int) -> None:
        self.first = at if self.first < 0 else self.first

    def flush(self, at: int) -> None:
        """End the current group before this line, and add the card that it is, if any."""
        page, first = self.page, self.first
        if first >= 0 and self.separator >= 0:
            front, back = page.body(first, self.separator), page.body(self.separator + 1, at)
            if back.strip():
                sign = page.lines[self.separator].strip()
                two_way, written = self.osr.multiline[sign], between(sign)
                card = block_card(page, first, at, front, back, two_way=two_way, written=written)
                self.found.append(card)
        elif first >= 0 and self.cloze:
            source = page.body(first, at)
            mask = page.mask(source)
            found = self.osr.patterns.find(mask)
            self.found.append(cloze_card(page, first, at, source, mask, found))
        self.reset()


_GROUP = re.compile(r"\[((?:\\[\[\]]|[^\]])+)\]")


class ClozePatterns:
    """The patterns that define the plugin's clozes.

    In `==[123;;]answer[;;hint]==`, parts in brackets are optional; digits stand for the number of
    the cloze, or for its action on each card (`a` ask, `s` show, `h` hide).
    """

    def __init__(self, written: tuple[str, ...]) -> None:
        """Compile each pattern with numbers, with actions, and without either."""
        self.numbered, self.acting, self.simple = (
            tuple(_compiled(pattern, numbers) for pattern in written)
            for numbers in (r"\d+", "[ash]+", "")
        )
        self.signs = [re.split(r"[\[\]]", one.partition("answer")[0])[0] for one in written]
        """How the patterns begin; a note without any of these has no cloze."""

    def matches(self, page: Page, line: str) -> bool:
        """Return whether a line contains a cloze."""
        return any(sign in line for sign in self.signs) and bool(self.find(page.mask(line)))

    def find(self, mask: str) -> list[Cloze]:
        """Return the clozes of a text: only the numbered ones, if there are any."""
        if found := find_clozes(mask, self.numbered, templates=False):
            return found
        for cloze in find_clozes(mask, self.acting, templates=False):
            cards = [str(n) for n, act in enumerate(cloze.numbers, start=1) if act == "a"]
            if cards:
                found.append(cloze._replace(numbers=",".join(cards)))
        if found:
            return found
        simple = find_clozes(mask, self.simple, templates=False)
        return [cloze._replace(numbers=str(n)) for n, cloze in enumerate(simple, start=1)]


def _compiled(pattern: str, numbers: str) -> re.Pattern[str]:
    """Return the expression for a pattern; `numbers` replaces its digits, "" = leave them out."""
    parts, at = [], 0
    for group in _GROUP.finditer(pattern):
        inside = group[1].replace("\\[", "[").replace("\\]", "]")
        parts.append(_answer(pattern[at : group.start()]))
        at = group.end()
        if "hint" in inside:
            before, _, after = inside.partition("hint")
            ends = rf"(?:(?!{re.escape(after)}).){{1,200}}?" if after else ".{1,200}?"
            parts.append(rf"(?:{re.escape(before)}(?P<hint>{ends}){re.escape(after)})?")
        elif numbers:
            before, after = (re.escape(part) for part in re.split(r"\d+", inside, maxsplit=1))
            parts.append(rf"{before}(?P<numbers>{numbers}){after}")
    return re.compile("".join([*parts, _answer(pattern[at:])]))


def _answer(text: str) -> str:
    return re.escape(text).replace("answer", r"(?P<answer>.{1,1000}?)")


# --- Obsidian_to_Anki -----------------------------------------------------------------------

_FIELD_NAME = re.compile(
    r"(Front|Back Extra|Back|Text|Extra|Question|Answer|Add Reverse):[ \t]*", re.IGNORECASE
)
_BACK = ("back", "extra", "back extra", "answer")
_TAGS = re.compile(r"[ \t]*Tags:[ \t]*(.*)")
_INLINE = re.compile(r"STARTI[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*ENDI")
_INLINE_FIELD = re.compile(r"(?:(?<=\s)|^)(?:Front|Back Extra|Back|Text|Extra|Add Reverse):(?=\s)")
_COMMENTS = re.compile(r"<!--.*?-->|%%.*?%%")
_INLINE_ID = re.compile(r"(?:^|\s)ID: (\d+)$")
_BARE_ID = re.compile(r"[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$")
_ANY_FIELD = re.compile(r"^([A-Z][\w ]{0,24}):[ \t]*", re.MULTILINE)
_FILE_LINES = re.compile(r"(?:TARGET DECK|FILE TAGS|FROZEN - )")
_FILE_TAGS = re.compile(r"FILE TAGS(?:\n|: )(.*)")
_Q = re.compile(r"Q:[ \t]+(?=\S)")
_A = re.compile(r"A:[ \t]+(?=\S)")
_FLASHCARD = re.compile(r"[ \t]+#flashcard[ \t]*$")
_DASHES = re.compile(r"-{3,}[ \t]*$")
_CELL = re.compile(r"[ \t]*\|([^|]+)\|[ \t]*$")
_CURLY = re.compile(r"(?<!\{)\{(?:c?(?P<numbers>\d{1,3})[:|])?(?P<answer>[^{}]+?)\}(?!\})")
_NATIVE = re.compile(
    r"\{\{c(?P<numbers>\d{1,3})::(?P<answer>.{1,1000}?)(?:::(?P<hint>.{1,200}?))?\}\}"
)
_HIGHLIGHT = re.compile(
    r"(?<!=)==(?!=)(?:c?(?P<numbers>\d{1,3})(?:::?|\|))?(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)"
)
_COLONS = (Separator("::"),)


class O2a(Dialect):
    """Obsidian_to_Anki: START … END, STARTI … ENDI, and the styles that users define.

    The name of the note type decides: with `Cloze` it is a cloze, with `reversed` a two-way card.
    """

    signs = r"^START[ \t]*$|STARTI|^Q: |#flashcard|^-{3,}[ \t]*$|^[ \t]*\||::|\{|=="
    clozes = (_NATIVE, _CURLY, _HIGHLIGHT)

    def defines_marks(self, page: Page) -> bool:
        """Return True: to the plugin, `==x==` is a cloze."""
        return True

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield declared notes, then the cards of each style, all with the tags of the file."""
        found = _FILE_TAGS.search("\n".join(page.lines))
        tags = found[1].split() if found else []
        for card in self._cards(page):
            yield card._replace(tags=tuple(dict.fromkeys([*card.tags, *tags])))

    def _cards(self, page: Page) -> Iterator[ToolCard]:
        outright = [*self.notes(page), *self.inline_notes(page)]
        yield from outright
        used = {line for card in outright for line in range(card.first, card.last)}
        styles = (
            self.on_question, self.on_flashcard, self.on_ruled, self.on_table, self.on_inline,
            self.on_curly, self.on_highlight,
        )  # fmt: skip
        for style in styles:
            for card in style(page):
                if used.isdisjoint(range(card.first, card.last)):
                    used.update(range(card.first, card.last))
                    yield card

    # --- START … END ------------------------------------------------------------------------

    def notes(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards between lines START and END."""
        at, count = 0, len(page.lines)
        while at < count:
            end = at + 1
            if page.lines[at].rstrip() == "START" and at not in page.code:
                while end < count and page.lines[end].rstrip() != "END":
                    end += 1
                if end < count and (card := self.note(page, at, end)):
                    yield card
                end = end + 1 if end < count else at + 1
            at = end

    def note(self, page: Page, first: int, last: int) -> ToolCard | None:
        """Return the card of the lines between START and END: a note type, fields, tags, an id."""
        lines = [page.lines[at] for at in range(first + 1, last) if not page.is_comment(at)]
        if not lines:
            return None
        kind, tags, number = lines[0].strip(), (), page.id_at(first, last + 1)
        del lines[0]
        if lines and (bare := _BARE_ID.match(lines[-1])):
            number = number or bare[1]
            lines.pop()
        if lines and (tagged := _TAGS.match(lines[-1])):
            tags = tuple(tagged[1].split())
            lines.pop()
        fields: list[tuple[str, list[str]]] = [("", [])]
        for line in lines:
            if name := _FIELD_NAME.match(line):
                fields.append((name[1].casefold(), [line[name.end() :]]))
            else:
                fields[-1][1].append(line)
        named = [(name, "\n".join(words).strip("\n")) for name, words in fields]
        card = self.of_fields(page, kind, [one for one in named if one[1].strip()])
        if card is None:
            return None
        whole = "\n".join(lines).strip()
        name = _FIELD_NAME.match(whole)
        return card._replace(
            first=first,
            last=last + 1,
            whole=whole[name.end() :] if name else whole,
            tags=(*tags, *card.tags),
            id=number,
            written="START … END",
        )

    def inline_notes(self, page: Page) -> Iterator[ToolCard]:
        """Yield the cards `STARTI [Type] … Back: … ENDI` within lines."""
        for at, line in enumerate(page.lines):
            if "STARTI" not in line or at in page.code:
                continue
            mask = page.mask(line)
            # several cards may stand on one line, each with its id in a comment
            comments = zip(
                re.finditer(f"{COMMENT}+", line), _COMMENTS.findall(page.raw[at]), strict=False
            )
            ids = [(gap.start(), found[1]) for gap, one in comments if (found := ID.match(one))]
            for match in _INLINE.finditer(line):
                if not mask.startswith("STARTI", match.start()):
                    continue
                words = match[2].strip(f"{COMMENT} \t")
                number = _INLINE_ID.search(words)
                words, _, tags = words[: number.start() if number else None].partition("Tags: ")
                fields, start, name = [], 0, ""
                for found in _INLINE_FIELD.finditer(words):
                    fields.append((name, words[start : found.start()].strip()))
                    start, name = found.end(), found[0].rstrip(":").casefold()
                fields.append((name, words[start:].strip()))
                card = self.of_fields(page, match[1], [one for one in fields if one[1]])
                if card is None:
                    continue
                within = (id for place, id in ids if match.start() <= place < match.end())
                yield card._replace(
                    first=at,
                    last=at + 1,
                    whole=words,
                    tags=(*tags.strip(f"{COMMENT} \t").split(), *card.tags),
                    id=number[1] if number else next(within, ""),
                    columns=match.span(),
                    written="STARTI … ENDI",
                )

    def of_fields(self, page: Page, kind: str, fields: list[tuple[str, str]]) -> ToolCard | None:
        """Return the card of a note type and its fields (name, source); the first has no name."""
        kind = kind.casefold()
        is_cloze = "cloze" in kind
        front = "\n".join(words for name, words in fields if name not in (*_BACK, "add reverse"))
        back = "\n".join(words for name, words in fields if name in _BACK)
        if not back and not is_cloze:
            # the note type has custom field names: the first field, and all others
            named = [*_ANY_FIELD.finditer(front)]
            if rest := next((one for one in named if front[: one.start()].strip()), None):
                first = front[named[0].end() if named[0] is not rest else 0 : rest.start()]
                back = _ANY_FIELD.sub("", front[rest.start() :]).strip("\n")
                front = first.strip("\n")
        if not front.strip():
            return None
        if is_cloze:
            mask = page.mask(front)
            text = cloze_text(page, front, mask, numbered_clozes(find_clozes(mask, self.clozes)))
            sides = (text, *([page.side(back)] if back else []))
            return ToolCard(
                0, 0, Form.CLOZE, sides, "", (front, back or front), tags=page.tags_in(front, back)
            )
        two_way = "reversed" in kind and "optional" not in kind
        two_way = two_way or any(name == "add reverse" for name, _ in fields)
        return block_card(page, 0, 0, front, back, two_way=two_way)

    # --- styles -----------------------------------------------------------------------------

    def on_question(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards `Q: …` and `A: …`, each part up to an empty line."""
        spans: list[Span] = []  # paragraphs, cut before `Q:` and `A:`
        for first, last in page.paragraphs:
            inner = range(first + 1, last)
            starts = [at for at in inner if _Q.match(page.lines[at]) or _A.match(page.lines[at])]
            spans += zip([first, *starts], [*starts, last], strict=True)
        for (first, last), (start, end) in pairwise(spans):
            asked, answered = _Q.match(page.lines[first]), _A.match(page.lines[start])
            if asked and answered and _is_blank(page, last, start):
                front = page.lines_between(first, last)[asked.end() :]
                back = page.lines_between(start, end)[answered.end() :]
                card = _basic(page, first, end, front, back)
                yield card._replace(whole=card.whole[asked.end() :], written="Q: … A: …")

    def on_flashcard(self, page: Page) -> Iterator[ToolCard]:
        """Yield questions that end in `#flashcard`; the text after them is the answer."""
        spans = page.paragraphs
        for number, (first, last) in enumerate(spans):
            tagged = (at for at in range(first, last) if _FLASHCARD.search(page.lines[at]))
            at = next(tagged, None)
            if at is None:
                continue
            front = _FLASHCARD.sub("", page.lines_between(first, at + 1))
            start, end = at + 1, last
            if start == last:  # the answer is the next paragraph, after nothing but empty lines
                start, end = next(iter(spans[number + 1 : number + 2]), (last, last))
                if start == end or not _is_blank(page, last, start):
                    continue
            card = _basic(page, first, end, front, page.lines_between(start, end))
            yield card._replace(written="#flashcard")

    def on_ruled(self, page: Page) -> Iterator[ToolCard]:
        """Yield paragraphs that a line of dashes divides into question and answer."""
        for first, last in page.paragraphs:
            dashes = (at for at in range(first + 1, last - 1) if _DASHES.match(page.lines[at]))
            if at := next(dashes, None):
                front, back = page.lines_between(first, at), page.lines_between(at + 1, last)
                yield _basic(page, first, last, front, back)._replace(written=between("---"))

    def on_table(self, page: Page) -> Iterator[ToolCard]:
        """Yield tables of one column: the header is the question, the first row the answer."""
        for first, last in page.paragraphs:
            cells = [_CELL.match(page.lines[at]) for at in range(first, min(first + 3, last))]
            if first in page.cells and len(cells) == 3 and all(cells):
                front, _, back = (cell[1].strip() for cell in cells if cell)
                card = _basic(page, first, first + 3, front, back)
                yield card._replace(written="a table of one column")

    def on_inline(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards `front::back` on one line."""
        for at, line in enumerate(page.lines):
            if "::" not in line or at in page.code or at in page.cells or ":::" in line:
                continue
            if FIELD.search(line) or _NATIVE.search(line) or HEADING.match(line):
                continue
            if card := card_on_line(page, at, _COLONS):
                number = _bare_id(page, at + 1)
                yield card._replace(last=at + 2 if number else at + 1, id=number)

    def on_curly(self, page: Page) -> Iterator[ToolCard]:
        """Yield paragraphs with clozes `{x}`, `{2:x}`, `{c1|x}`."""
        yield from self._paragraphs_with(page, "{", (_CURLY, _NATIVE))

    def on_highlight(self, page: Page) -> Iterator[ToolCard]:
        """Yield paragraphs with clozes `==x==`, `==c1::x==`."""
        yield from self._paragraphs_with(page, "==", (_HIGHLIGHT,))

    def _paragraphs_with(
        self, page: Page, sign: str, patterns: tuple[re.Pattern[str], ...]
    ) -> Iterator[ToolCard]:
        for first, end in page.paragraphs:
            last = _without_bare_id(page, first, end)
            source = page.body(first, last)
            if sign not in source or _FILE_LINES.match(source):
                continue
            mask = page.mask(source)
            if find_clozes(mask, patterns):
                found = numbered_clozes(find_clozes(mask, self.clozes))
                yield cloze_card(page, first, last, source, mask, found, _bare_id(page, last))


def _is_blank(page: Page, first: int, last: int) -> bool:
    return all(page.is_blank(at) for at in range(first, last))


def _basic(page: Page, first: int, end: int, front: str, back: str) -> ToolCard:
    last = _without_bare_id(page, first, end)
    if last < end:
        back = "\n".join(back.split("\n")[:-1])
    front, back = without_id(front), without_id(back)
    if HEADING.match(front):
        front = front.lstrip("# \t")
    card = block_card(page, first, last, front, back)
    return card._replace(last=end, id=_bare_id(page, last))


def _without_bare_id(page: Page, first: int, last: int) -> int:
    """Return the end of the lines without the bare `ID: 123` that the plugin wrote below them."""
    return last - 1 if last - 1 > first and _BARE_ID.match(page.lines[last - 1]) else last


def _bare_id(page: Page, at: int) -> str:
    found = _BARE_ID.match(page.lines[at]) if at < len(page.lines) else None
    return found[1] if found else ""


# --- flashcards-obsidian --------------------------------------------------------------------

_LINE_CURLY = re.compile(r"(?<!\{)\{(?:(?P<numbers>\d{1,3}):)?(?P<answer>[^{}]+)\}(?!\})")
_LINE_HIGHLIGHT = re.compile(r"(?<!=)==(?!=)(?P<answer>\S|\S.*?\S)(?<!=)==(?!=)")
_NO_CARD = re.compile(r"[ \t]*(?:cards-deck|tags)\b", re.IGNORECASE)


class Flashcards(Dialect):
    """flashcards-obsidian: `#card`, `Q::A`, and lines with `==x==`, `{x}` or `{2:x}`."""

    def __init__(self, settings: FlashcardsSettings) -> None:
        self.written = f"#{settings.flashcards_tag.lstrip('#')}"
        tag = re.escape(settings.flashcards_tag.lstrip("#"))
        self.tag = re.compile(
            rf"(?:^|(?<=[ \t]))#{tag}(?P<kind>[/-](?:reverse|spaced))?(?P<tags>(?:[ \t]*#[\w/-]+)*)"
            r"[ \t]*(?P<id>\^\d{13}[ \t]*)?$",
            re.IGNORECASE,
        )
        self.separators = (
            Separator(settings.inline_separator),
            Separator(settings.inline_separator_reverse, two_way=True),
        )
        signs = [re.escape(one.sign) for one in self.separators if one.sign.strip()]
        self.signs = "|".join([rf"#{tag}\b", *signs, "==", r"\{"])

    def defines_marks(self, page: Page) -> bool:
        """Return True: to the plugin, `==x==` is a cloze."""
        return True

    def cards(self, page: Page) -> Iterator[ToolCard]:
        """Yield tagged cards, then lines with a separator or with clozes."""
        used: set[int] = set()
        for card in self.tagged(page):
            used.update(range(card.first, card.last))
            yield card
        for at in range(len(page.lines)):
            if at in used or at in page.code or at in page.cells or page.is_blank(at):
                continue
            if found := self.inline(page, at) or self.cloze(page, at):
                yield found

    def tagged(self, page: Page) -> Iterator[ToolCard]:
        """Yield cards `question #card`; the lines below are the answer, up to an empty line."""
        spans = page.paragraphs
        for number, (first, last) in enumerate(spans):
            start = first
            for at in range(first, last):
                found = self.tag.search(page.lines[at]) if at >= start else None
                if not found:
                    continue
                if not page.lines[at][: found.start()].strip() and at == first and number:
                    above = spans[
                        number - 1
                    ]  # the tag stands alone: a heading right above is the question
                    is_question = above[1] == first and HEADING.match(page.lines[above[0]])
                    start = above[0] if is_question else first
                end = self.end(page, spans, number, at)
                yield self.card(page, start, at, end, found)
                start = end

    def end(self, page: Page, spans: list[Span], number: int, at: int) -> int:
        """Return the end of the answer that begins after line `at`, or in the next paragraph."""
        first, last = at + 1, spans[number][1]
        if first == last and number + 1 < len(spans):
            start, end = spans[number + 1]
            if _is_blank(page, last, start) and not HEADING.match(page.lines[start]):
                first, last = start, end
        for line in range(first, last):
            if NUMBERED_BLOCK.search(page.lines[line]):
                return line + 1
            if self.tag.search(page.lines[line]):
                return line
        return last

    def card(self, page: Page, first: int, at: int, end: int, found: re.Match[str]) -> ToolCard:
        """Return the card of a question [first, at] and its answer up to `end`."""
        kind = (found["kind"] or "")[1:].casefold()
        front = "\n".join([*page.lines[first:at], page.lines[at][: found.start()]]).strip("\n ")
        front = front if "\n" in front else content(front)
        back = "" if kind == "spaced" else page.lines_between(at + 1, end)
        back = without_id(NUMBERED_BLOCK.sub("", dedent(back)))
        end = self.past_id(page, at) if kind == "spaced" else end
        tags = tuple(re.findall(r"[\w/-]+", found["tags"])) + page.tags_in(back)
        card = block_card(page, first, end, front, back, two_way=kind == "reverse")
        return card._replace(ends=(front, back or front), tags=tags, written=self.written)

    def inline(self, page: Page, at: int) -> ToolCard | None:
        """Return the card `Q::A` or `Q:::A` on a line; its id may stand on the line below."""
        if _NO_CARD.match(page.lines[at]):
            return None
        card = card_on_line(page, at, self.separators)
        return card._replace(last=self.past_id(page, at)) if card else None

    def cloze(self, page: Page, at: int) -> ToolCard | None:
        """Return the card of a line with clozes; unnumbered ones belong to its first card."""
        if "==" not in page.lines[at] and "{" not in page.lines[at]:
            return None
        source = without_id(content(page.lines[at]))
        mask = page.mask(source)
        found = [
            cloze._replace(numbers=cloze.numbers or "1")
            for cloze in find_clozes(mask, (_LINE_HIGHLIGHT, _LINE_CURLY))
        ]
        return cloze_card(page, at, self.past_id(page, at), source, mask, found) if found else None

    def past_id(self, page: Page, at: int) -> int:
        """Return the end of a line, with the id on the next line, if there is one."""
        return at + 1 + page.is_id(at + 1)
