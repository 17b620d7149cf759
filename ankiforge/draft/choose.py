"""The text that asks to choose passages of a document that nobody marked, and its answer.

The answer has the form of every other one (`reply`): the quote of each card is its passage.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby, pairwise
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.draft.chat import CHAT, chat_request
from ankiforge.draft.prompt import (
    NOTHING,
    ModelRequest,
    Prompt,
    Shape,
    data,
    message,
    reply_schema,
    rules_of,
)
from ankiforge.draft.reply import (
    Repair,
    ReplyItem,
    drafts_of,
    ends_in_the_middle,
    every_item,
    letters_of_quote,
    on_a_line,
)
from ankiforge.draft.sendable import SendableText, ours
from ankiforge.language.lexicon import listed
from ankiforge.model import (
    Draft,
    Highlight,
    Origin,
    Paragraph,
    Problem,
    Span,
    Strings,
    WholeText,
    h16,
)
from ankiforge.text import counted, regex
from ankiforge.text.fold import for_finding, letters_of
from ankiforge.text.located import ALIKE, Letters, Located
from ankiforge.text.sentences import boundaries, sentence_around

LONGEST_PART = 24_000
"""Characters of one text."""
NUMBER = 10
"""The passages of a document, if nobody says how many."""
_MOST_KNOWN = 60
"""Passages that are named as known, at most."""
_SAME = 0.5
"""The share of a passage that another one has, from which both are one."""


# --- what goes out --------------------------------------------------------------------

_NUMBERED = regex(r"^\W*(?:\d{1,3}|[IVX]{1,5}|[A-Z])(?:\.\d{1,3})*[.):]?\s+")
_LEADERS = regex(r"(?:\.\s?){4,}\s*\d{1,4}\W*$")
_LONGEST_NAME = 40
# What programs that make pages of notes write beside the words: attributes of Kramdown, Pandoc
# and MkDocs, `!!! note`, fences of MyST and Docusaurus, tags of Jekyll.
_ATTRIBUTES = regex(
    r"""(?mx)
      \{:[^{}\n]{0,300}\}
    | \{(?:\s?(?:[.\#][A-Za-z][\w-]*|[a-z-]{2,20}=(?:"[^"\n]*"|\w[\w.%-]*)))+\s?\}
    | ^[!?]{3}\+?[ \t]+[a-z-]+\b
    | (?:^|(?<=\s)):{3,}(?:[ \t]*\{[^{}\n]{0,60}\}|[ \t]?[a-z-]+\b)?(?=\s|$)
    | \{%[^%\n]{0,300}%\}"""
)


def as_sent(text: str) -> str:
    """Return a text with blanks for the attributes that are no words of it."""
    return _ATTRIBUTES.sub(lambda found: " " * len(found[0]), text)


def sent(whole: WholeText) -> list[Paragraph]:
    """Return the paragraphs of a document that are asked about, cut where they are very long.

    Left out is what is private; front matter in TOML; tables of contents, references and
    exercises; a slide that the next one repeats with more on it.
    """
    repeated = set(_overlays(whole))
    half = len(whole.pages) / 2 if whole.labels else len(whole.pages)
    shown: list[Paragraph] = []
    in_front = False
    at_end = False  # of a PDF without headings
    for number, paragraph in enumerate(whole.paragraphs):
        words = whole.text_of(paragraph).strip()
        if in_front or (not number and words.startswith("+++")):
            in_front = not words.endswith("+++") or (not number and words == "+++")
            continue
        at_end |= paragraph.page >= half and _is_passed_over(words)
        if at_end or any(map(_is_passed_over, paragraph.heading.split(" › "))):
            continue
        if paragraph.private or paragraph.page in repeated or _LEADERS.search(words):
            continue
        if words and not as_sent(words).strip():
            continue
        shown += _cut(whole, paragraph)
    return shown


def _is_passed_over(heading: str) -> bool:
    """Return whether a section with this heading has nothing to learn, such as references."""
    if len(heading) > _LONGEST_NAME:
        return False
    return for_finding(_NUMBERED.sub("", heading)) in _passed_over()


@cache
def _passed_over() -> frozenset[str]:
    return frozenset(map(for_finding, listed("signs", "passed_over")))


def _overlays(whole: WholeText) -> Iterator[int]:
    """Yield the slides whose lines are all on the next one."""
    for number, (page, following) in enumerate(pairwise(whole.pages)):
        letters = letters_of(following)
        lines = [letters_of(line) for line in page.split("\n")]
        if whole.labels and any(lines) and all(line in letters for line in lines):
            yield number


def _cut(whole: WholeText, paragraph: Paragraph) -> Iterator[Paragraph]:
    """Yield a paragraph in pieces that fit into a part."""
    start, end = paragraph.start, paragraph.end
    text = whole.pages[paragraph.page]
    while end - start > LONGEST_PART:
        places = boundaries(text[start : start + LONGEST_PART])
        stop = start + (places[-1] if places else LONGEST_PART)
        yield replace(paragraph, start=start, end=stop)
        start = stop
    yield replace(paragraph, start=start)


class Part(NamedTuple):
    """A part of a document that one text asks about."""

    label: str
    paragraphs: list[Paragraph]
    number: int
    """How many passages are to be chosen from it."""

    @property
    def size(self) -> int:
        """The number of its characters."""
        return _size(self.paragraphs)


def _size(paragraphs: Iterable[Paragraph]) -> int:
    return sum(paragraph.end - paragraph.start for paragraph in paragraphs)


def parts_of(whole: WholeText, number: int, most: int = LONGEST_PART) -> list[Part]:
    """Return the parts of a document, which end at headings or pages.

    The number of passages is shared by their lengths; a part that gets none is left out.
    """
    # the sections; a long one is a section of several
    shown = sent(whole)
    sections: list[list[Paragraph]] = []
    for _, of_section in groupby(shown, key=attrgetter("page", "heading")):
        sections.append([])
        for paragraph in of_section:
            if sections[-1] and _size([*sections[-1], paragraph]) > most // 2:
                sections.append([])
            sections[-1].append(paragraph)

    # as few parts as can be, of about the same length: none is a mere tail
    total = _size(shown)
    share = total / max(1, -(-total // most))
    together = defaultdict[int, list[Paragraph]](list)
    place = 0
    for section in sections:
        together[int((place + _size(section) / 2) / share)] += section
        place += _size(section)

    parts = []
    reached = place = 0
    for paragraphs in together.values():
        place += _size(paragraphs)
        until = round(number * place / total)
        words = "\n".join(map(whole.text_of, paragraphs))
        label = h16(whole.document.key, words)[:8]
        if until > reached:
            parts.append(Part(label, paragraphs, until - reached))
        reached = until
    return parts


_BLANKS = regex(r" {2,}")
_MARKER = re.compile(r"(?i)<(?=\s*/?\s*text\b)")


def request(
    whole: WholeText,
    part: Part,
    prompt: Prompt,
    clean: Callable[[str], SendableText],
    known: Sequence[str] = (),
    of: str = "",
) -> ModelRequest:
    """Return the request about a part of a document, for a model or as a text for a chat.

    Args:
        whole: the document.
        part: the part.
        prompt: the prompt `choose`.
        clean: hides what must stay on this machine.
        known: the passages of the document that have cards already, in all parts.
        of: which part of how many it is; "" = it is all.
    """
    lines = []
    page = -1
    for paragraph in part.paragraphs:
        if paragraph.page != page and whole.label(paragraph.page):
            lines.append(f"[page {whole.label(paragraph.page)}]")
        page = paragraph.page
        words = _BLANKS.sub(" ", as_sent(whole.text_of(paragraph)).strip())
        if paragraph.level:
            words = f"\n{'#' * paragraph.level} {words}"
        lines.append(words)
    words = _MARKER.sub("‹", data(clean("\n".join(lines))))
    title = data(clean(whole.document.subject))
    if of:
        title = SendableText(f"{title} ({of})".strip())
    remark = NOTHING
    if known:
        quoted = "\n".join(f"- {on_a_line(each, 120)}" for each in known[-_MOST_KNOWN:])
        said = "These have cards already. Choose others, on other facts:"
        remark = SendableText(f"{said}\n{data(clean(quoted))}")
    values = {
        **rules_of(Shape()),
        "most": ours(_passages(part)),
        "title": title,
        "remark": remark,
        "highlights": SendableText(f'<text h="{part.label}">\n{words}\n</text>'),
    }
    return ModelRequest(
        prompt.messages(values), reply_schema(Shape()), prompt.fingerprint
    )


def text_of(asked: ModelRequest, part: Part) -> str:
    """Return a request as a text to paste into a chat."""
    end = ours(f"Now choose {_passages(part)}, with the JSON only, in one code block.")
    messages = (*asked.messages, message("user", end))
    return "\n\n".join(each["content"] for each in messages) + "\n"


def _passages(part: Part) -> str:
    return "the passage" if part.number == 1 else f"the {part.number} passages"


# --- what comes back --------------------------------------------------------------------


class Choice(NamedTuple):
    """A chosen passage with its cards, before it has a key."""

    located: Located
    passage: Highlight
    items: list[ReplyItem]


class Answer(NamedTuple):
    """The passages that an answer of a chat has chosen."""

    choices: list[Choice]
    unused: list[Problem]
    quoted: int
    """The number of cards in the answer."""
    located: int
    """The number of cards whose quote is in the document."""
    alike: int
    """The number of located cards whose quote only resembles the document's words."""

    @property
    def said(self) -> str:
        """The outcome, in a line."""
        said = f"{counted(len(self.choices), 'passage')} chosen, of {self.quoted:,} in the answer"
        if self.quoted > self.located:
            lost = counted(self.quoted - self.located, "quote")
            said += f"; {lost} not in the document"
        if self.alike:
            said += f"; {self.alike:,} found by likeness"
        return said


def origin_of(text: str, prompt: Prompt, model: str = "") -> Origin:
    """Return the origin of the cards of an answer; without a model, a chat gave it."""
    return Origin("llm", model or CHAT, prompt.fingerprint, chat_request(text))


def read(
    text: str,
    letters: Letters,
    pages: Collection[int],
    passage_at: Callable[[Located], Highlight],
    faults_of: Repair,
    taken: Iterable[Span] = (),
) -> Answer:
    """Return the passages that an answer has chosen, in the order of the document.

    A card is left out, and named, if its quote is not in the document, if its passage has a card
    already, or if a check blocks it.

    Args:
        text: the answer.
        letters: those of the document.
        pages: the pages of the part that was asked about, which come first.
        passage_at: returns a stretch of the document as a highlight.
        faults_of: returns what blocks a card.
        taken: the letters of the passages that have cards already.
    """
    items, unusable = every_item(text)
    unused = [Problem("", f"no card can be made of {card[:80]}") for card in unusable]
    if ends_in_the_middle(text):
        unused.append(Problem("", "the answer ends in the middle of a card"))
    spans = list(taken)
    choices: list[Choice] = []
    quoted = found = alike = 0
    for item in items:
        if item.kind is None:
            continue
        quoted += 1
        named = f"“{on_a_line(item.front or item.text, 60)}”"
        located, is_exact = locate_quote(item.quote, letters, pages)
        if located is None:
            quote = on_a_line(item.quote, 60)
            unused.append(Problem("", f"{named}: the document does not say “{quote}”"))
            continue
        found += 1
        alike += not is_exact
        same = [
            each for each in choices if _overlap(each.located.letters, located.letters)
        ]
        if not same and any(_overlap(span, located.letters) for span in spans):
            unused.append(Problem("", f"{named}: its passage has a card", notice=True))
            continue
        passage = same[0].passage if same else passage_at(located)
        # the words of the document are the evidence, even where the chat copied them badly
        item = replace(item, quote=passage.exact)
        faults: Strings = ()
        for draft in drafts_of([item], passage, Origin("llm"), Shape()):
            faults = faults_of(draft, passage)
        if faults:
            unused.append(Problem("", f"{named}: {'; '.join(faults)}"))
        elif same:
            same[0].items.append(item)
        else:
            choices.append(Choice(located, passage, [item]))
    choices.sort(key=lambda choice: choice.located.letters)
    return Answer(choices, unused, quoted, found, alike)


def cards_of(choice: Choice, highlight: Highlight, origin: Origin) -> tuple[Draft, ...]:
    """Return the drafts of a chosen passage, which is this highlight by now."""
    return drafts_of(choice.items, highlight, origin, Shape())


def _overlap(one: Span, other: Span) -> bool:
    """Return whether two passages are one: half of the shorter is in the longer."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return common >= _SAME * min(one[1] - one[0], other[1] - other[0])


# --- a quote in the document ----------------------------------------------------------------

_ENOUGH = 12
"""Letters of a quote that may stand in several places, at least."""
_SHORTEST = 24
"""Letters of a quote that may be found by likeness, at least."""
_STOPS = ".!?。！？"


def locate_quote(
    quote: str, letters: Letters, pages: Collection[int]
) -> tuple[Located | None, bool]:
    """Return where a document has a quote, and whether exactly: by its letters, else by likeness.

    Args:
        quote: what a chat copied; it may say where it leaves something out.
        letters: those of the document.
        pages: the pages of the part that was asked about, which come first.
    """
    asked = [letters.of_page(page) for page in pages]

    def first(spans: Sequence[Span]) -> Located:
        in_part = [
            span for span in spans if any(low <= span[0] < top for low, top in asked)
        ]
        return letters.located(*(in_part or spans)[0], _with_stop(quote))

    parts = letters_of_quote(as_sent(quote))
    wanted = "".join(parts)
    spans = list(letters.spans(parts))
    if len(spans) == 1 or (spans and len(wanted) >= _ENOUGH):
        return first(spans), True
    if len(wanted) < _SHORTEST:
        return None, False
    others = [page for page in range(len(letters.pages)) if page not in pages]
    span = _alike(wanted, letters, (*sorted(pages), *others))
    return (first([span]) if span else None), False


def _with_stop(quote: str) -> str:
    words = quote.strip()
    return words if words.endswith(tuple(_STOPS)) else f"{words}."


def _alike(wanted: str, letters: Letters, pages: Iterable[int]) -> Span | None:
    """Return the whole sentences of a page that are most like a quote; None if none is."""
    from rapidfuzz import fuzz

    best: Span | None = None
    best_score = float(ALIKE)
    third = len(wanted) // 3
    ends = wanted[:third], wanted[-third:]
    for page in pages:
        low, top = letters.of_page(page)
        # its beginning and its end, with something between them that the quote leaves out
        around = next(letters.spans(ends, low, top), None)
        if around and around[1] - around[0] < 2 * len(wanted):
            best = around
            break
        found = fuzz.partial_ratio_alignment(
            wanted, letters.text[low:top], score_cutoff=best_score
        )
        if found and found.dest_end > found.dest_start:
            if best is None or found.score > best_score:
                best = low + found.dest_start, low + found.dest_end
                best_score = found.score
    if best is None:
        return None
    near = letters.located(*best)
    line = near.text.rfind("\n", 0, near.span[0]) + 1
    line_end = near.text.find("\n", near.span[1])
    words = near.text[line : line_end if line_end >= 0 else None]
    left, right = sentence_around(words, near.span[0] - line, near.span[1] - line)
    return letters.index(near.page, line + left), letters.index(near.page, line + right)
