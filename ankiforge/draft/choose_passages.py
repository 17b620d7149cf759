"""Have a model or chat choose passages from a document without highlights, and parse its reply.

The reply has the same format as the reply to a drafting request and is parsed by `reply`. The
quote of each card is the chosen passage.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from math import ceil
from operator import attrgetter
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.draft.privacy import SendableText, mark_as_sendable
from ankiforge.draft.prompt import (
    MAX_FACTS,
    NO_TEXT,
    ModelRequest,
    Prompt,
    ReplyShape,
    build_card_request,
    escape_tags,
)
from ankiforge.draft.reply import FindFaults, build_drafts
from ankiforge.draft.reply_cards import DeclinedCard, ReplyCard, to_one_line
from ankiforge.draft.reply_checks import (
    format_card_title,
    make_pasted_reply_key,
    parse_reply,
    select_valid_cards,
)
from ankiforge.language.lexicon import read_word_set
from ankiforge.model import (
    CHAT_MODEL,
    Document,
    DocumentKey,
    DocumentText,
    Draft,
    Highlight,
    Origin,
    Paragraph,
    Problem,
    Span,
    Strings,
    hash16,
)
from ankiforge.text import format_count, regex
from ankiforge.text.located import DocumentLetters, PassageMatch, locate_quote
from ankiforge.text.normalize import fold_alphanumerics, normalize_for_lookup
from ankiforge.text.sentences import find_sentence_starts

MAX_PART_CHARS = 24_000
"""The maximum length of the part of a document that is sent in one request."""
DEFAULT_PASSAGE_COUNT = 10
"""How many passages to choose from a document by default."""
_MAX_LISTED_PASSAGES = 60
"""How many passages with cards a request lists at most."""
_MIN_OVERLAP = 0.5
"""Two passages are the same if they share this fraction of the shorter one."""


# --- export ---------------------------------------------------------------------------

_LEADING_NUMBER = regex(r"^\W*(?:\d{1,3}|[IVX]{1,5}|[A-Z])(?:\.\d{1,3})*[.):]?\s+")
_DOT_LEADERS = regex(r"(?:\.\s?){4,}\s*\d{1,4}\W*$")
_MAX_HEADING_CHARS = 40
# Matches the markup of site generators: attributes of Kramdown, Pandoc and MkDocs, `!!! note`,
# the fences of MyST and Docusaurus, and the tags of Jekyll.
_ATTRIBUTES = regex(
    r"""(?mx)
      \{:[^{}\n]{0,300}\}
    | \{(?:\s?(?:[.\#][A-Za-z][\w-]*|[a-z-]{2,20}=(?:"[^"\n]*"|\w[\w.%-]*)))+\s?\}
    | ^[!?]{3}\+?[ \t]+[a-z-]+\b
    | (?:^|(?<=\s)):{3,}(?:[ \t]*\{[^{}\n]{0,60}\}|[ \t]?[a-z-]+\b)?(?=\s|$)
    | \{%[^%\n]{0,300}%\}"""
)


def blank_out_site_markup(text: str) -> str:
    """Replace the markup of site generators with spaces of the same length.

    All offsets in the text stay valid.
    """
    return _ATTRIBUTES.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


# Matches the times of a transcript, such as `[00:12:34]` or `00:12:34,500 --> 00:12:38,000`.
_TRANSCRIPT_TIMES = regex(
    r"(?<!\S)[\[(]?\d{1,2}:\d\d:\d\d(?:[.,]\d{1,3})?[\])]?(?:[ ]-->)?(?!\S)"
)


def blank_out_site_markup_and_times(text: str) -> str:
    """Replace the markup of site generators and the times in transcripts with spaces.

    A quote from the document is allowed to leave out both.
    """
    return _TRANSCRIPT_TIMES.sub(_blank, blank_out_site_markup(text))


class OmittedText(NamedTuple):
    """A stretch of a document that isn't sent to the model or chat."""

    name: str
    """A description of the text, such as the heading of its section."""
    size: int
    """The number of characters."""
    pages: Strings
    """The labels of the first and last page, or () if the document has none."""

    @property
    def summary(self) -> str:
        """The name, pages and size, e.g. `References, p. 7–9 (12,345 characters)`."""
        name = self.name
        pages = "–".join(dict.fromkeys(filter(None, self.pages)))
        if pages:
            name = f"{name}, p. {pages}"
        return f"{name} ({format_count(self.size, 'character')})"


class _OmittedPart(NamedTuple):
    """A part of a document that isn't sent, as one entry of what is omitted."""

    name: str
    start: int = 0
    """The index of the first paragraph of a list, which distinguishes lists with the same name."""


def partition_paragraphs(
    whole_text: DocumentText,
) -> tuple[list[Paragraph], list[OmittedText]]:
    """Return the paragraphs of a document to send, and the parts to omit.

    Private text, footnotes, endnotes, tables of contents, and lists of references or tasks are
    omitted. TOML front matter and slides that are repeated by the next slide are in neither
    list. Very long paragraphs are split.
    """
    repeated_pages = _find_repeated_pages(whole_text)
    list_parts = _find_omitted_lists(whole_text)
    left_out: dict[_OmittedPart, list[Paragraph]] = {}
    paragraphs: list[Paragraph] = []
    body_start = _count_front_matter(whole_text)
    for index, paragraph in enumerate(whole_text.paragraphs):
        text = whole_text.get_paragraph_text(paragraph)
        if index < body_start or paragraph.page in repeated_pages:
            continue
        if _has_only_attributes(text):
            continue
        omission = _find_omitted_part(paragraph, list_parts.get(index))
        if omission is None:
            paragraphs += _split_paragraph(whole_text, paragraph)
        else:
            left_out.setdefault(omission, []).append(paragraph)
    omitted_texts = []
    for part, group in left_out.items():
        pages = (group[0].page, group[-1].page)
        labels = tuple(map(whole_text.get_page_label, pages))
        omitted_texts.append(OmittedText(part.name, _count_chars(group), labels))
    return paragraphs, omitted_texts


def _count_front_matter(whole_text: DocumentText) -> int:
    """Count the paragraphs of TOML front matter, which is between two lines of `+++`."""
    texts = [
        whole_text.get_paragraph_text(paragraph).strip()
        for paragraph in whole_text.paragraphs
    ]
    if not texts or not texts[0].startswith(_FRONT_MATTER_FENCE):
        return 0
    if texts[0] != _FRONT_MATTER_FENCE and texts[0].endswith(_FRONT_MATTER_FENCE):
        return 1
    for index, text in enumerate(texts[1:], start=1):
        if text.endswith(_FRONT_MATTER_FENCE):
            return index + 1
    return len(texts)


def _find_repeated_pages(whole_text: DocumentText) -> set[int]:
    """Return the page numbers, from 0, of slides whose lines all recur on the next slide."""
    if not whole_text.page_labels:
        return set()
    repeated_pages = set()
    for number, (page, following) in enumerate(pairwise(whole_text.pages)):
        letters = fold_alphanumerics(following)
        lines = [fold_alphanumerics(line) for line in page.split("\n")]
        if any(lines) and all(line in letters for line in lines):
            repeated_pages.add(number)
    return repeated_pages


def _has_only_attributes(text: str) -> bool:
    if not text.strip():
        return False
    return not blank_out_site_markup(text).strip()


def _find_omitted_part(
    paragraph: Paragraph, list_part: _OmittedPart | None
) -> _OmittedPart | None:
    """Return the part to omit that a paragraph belongs to, or None if the paragraph is sent.

    `list_part` is the list of references, contents or tasks that it is in, if any.
    """
    if paragraph.is_private:
        return _OmittedPart(_PRIVATE_TEXT)
    if paragraph.skip_reason is not None:
        return _OmittedPart(paragraph.skip_reason)
    if paragraph.is_note:
        return _OmittedPart(_NOTES)
    return list_part


def _find_omitted_lists(whole_text: DocumentText) -> dict[int, _OmittedPart]:
    """Find the lists of references, contents and tasks in a document.

    A list follows a heading or line such as “References”, and ends at the next heading of the
    same or a higher level, or before. Full sentences under such a heading aren't a list.

    Returns:
        A dict from the index of each paragraph in a list to the list.
    """
    texts = [
        whole_text.get_paragraph_text(paragraph).strip()
        for paragraph in whole_text.paragraphs
    ]
    lists: dict[int, _OmittedPart] = {}
    for index, text in enumerate(texts):
        if _DOT_LEADERS.search(text):  # `Introduction ..... 5`
            lists[index] = _OmittedPart(_CONTENTS)
    for section in _find_list_sections(whole_text.paragraphs, texts):
        for index in range(section.start, section.list_end):
            lists[index] = _OmittedPart(section.name, section.start)
    return lists


def _find_list_sections(
    paragraphs: Sequence[Paragraph], texts: Sequence[str]
) -> list[_ListSection]:
    """Find the sections that begin with a heading or line such as “References”.

    `texts` has the text of each paragraph.
    """
    sections = []
    section: _ListSection | None = None
    previous_heading = ""
    for index, (paragraph, text) in enumerate(zip(paragraphs, texts, strict=True)):
        heading = paragraph.heading
        last_heading = heading.rpartition(" › ")[2]
        if _is_omitted_list_heading(text):
            section = _ListSection(text, index, heading)
            sections.append(section)
        elif heading != previous_heading and _is_omitted_list_heading(last_heading):
            section = _ListSection(last_heading, index, heading)
            sections.append(section)
            section.add_paragraph(index, text)
        elif section is not None and section.contains(heading):
            section.add_paragraph(index, text)
        else:
            section = None
        previous_heading = heading
    return sections


@dataclass
class _ListSection:
    """A section whose beginning may be a list.

    The list is the beginning with the greatest surplus of entries over sentences, measured in
    characters.
    """

    name: str
    start: int
    """The index of the section's first paragraph."""
    heading: str
    list_end: int = 0
    """The index after the last paragraph of the list, or 0 if no list was found so far."""
    surplus: int = 0
    max_surplus: int = 0

    def contains(self, heading: str) -> bool:
        """Return whether a paragraph with these headings above it belongs to the section."""
        return f"{heading} › ".startswith(f"{self.heading} › ")

    def add_paragraph(self, index: int, text: str) -> None:
        """Add the next paragraph, and extend the list to it if the surplus is greater then."""
        if _is_list_entry(text):
            self.surplus += len(text)
        else:
            self.surplus -= len(text)
        if self.surplus > self.max_surplus:
            self.max_surplus = self.surplus
            self.list_end = index + 1


def _is_list_entry(text: str) -> bool:
    if _TASK_OR_CONTENTS.search(text) or _DOT_LEADERS.search(text):
        return True
    return len(_ENTRY_SIGNS.findall(text)) * _CHARS_PER_ENTRY_SIGN >= len(text)


_FRONT_MATTER_FENCE = "+++"
_PRIVATE_TEXT = "private text"
_NOTES = "footnotes and endnotes"
_CONTENTS = "lines of a table of contents"
_ENTRY_SIGNS = regex(
    r"""(?x)
      (?<!\d)(?:1[5-9]|20)\d\d(?!\d)  # a year
    | \b[A-Z]\.  # an initial
    | https?:|\bwww\.|\b10\.\d{4}|\bdoi\b|\barXiv\b|\bISBN\b
    | \d[-–]\d|\bpp?\.|\b[Vv]ol\.|\b[Ee]ds?\.|\bet[ ]al\b
    | ^\[\w{1,12}\]"""
)
"""Matches typical parts of a bibliography entry."""
_CHARS_PER_ENTRY_SIGN = 60
"""A bibliography entry has at least one typical part per this many characters."""
_TASK_OR_CONTENTS = regex(
    r"(?i)^\W*(?:(?:\w{3,10}\s)?(?:\d{1,3}\.)*\d{1,3}[.):]|\(?[a-z]\))\s|[?？]$|[\s,]\d{1,4}$"
)
"""Matches a numbered line, a question, or a line that ends with a page number."""


def _is_omitted_list_heading(heading: str) -> bool:
    """Return whether a heading introduces a list to omit, such as “References”."""
    if len(heading) > _MAX_HEADING_CHARS:
        return False
    return normalize_for_lookup(_LEADING_NUMBER.sub("", heading)) in _read_list_names()


@cache
def _read_list_names() -> frozenset[str]:
    return frozenset(map(normalize_for_lookup, read_word_set("signs", "list_headings")))


def _split_paragraph(
    whole_text: DocumentText, paragraph: Paragraph
) -> Iterator[Paragraph]:
    start, end = paragraph.start, paragraph.end
    text = whole_text.pages[paragraph.page]
    while end - start > MAX_PART_CHARS:
        sentence_ends = find_sentence_starts(text[start : start + MAX_PART_CHARS])
        piece_end = start + MAX_PART_CHARS
        if sentence_ends:
            piece_end = start + sentence_ends[-1]
        yield replace(paragraph, start=start, end=piece_end)
        start = piece_end
    yield replace(paragraph, start=start)


class DocumentPart(NamedTuple):
    """A part of a document that is sent in a single request."""

    label: str
    paragraphs: list[Paragraph]
    passage_count: int
    """How many passages the model should choose from this part."""

    @property
    def character_count(self) -> int:
        """The total length of the paragraphs."""
        return _count_chars(self.paragraphs)

    @property
    def passage_count_phrase(self) -> str:
        """The number of passages to choose, as a phrase for the prompt, e.g. `the 3 passages`."""
        count = self.passage_count
        if count == 1:
            return "the passage"
        return f"the {count} passages"


def _count_chars(paragraphs: Iterable[Paragraph]) -> int:
    return sum(paragraph.end - paragraph.start for paragraph in paragraphs)


def split_document(
    whole_text: DocumentText,
    sent_paragraphs: Sequence[Paragraph],
    passage_count: int,
    max_part_chars: int = MAX_PART_CHARS,
) -> list[DocumentPart]:
    """Split a document into parts that each fit into one request, at headings or pages.

    Args:
        whole_text: The document.
        sent_paragraphs: The paragraphs to send, from `partition_paragraphs`.
        passage_count: The number of passages to choose. It is divided among the parts in
            proportion to their length. Parts that get none are dropped.
        max_part_chars: The maximum length of a part.
    """
    total = _count_chars(sent_paragraphs)
    parts = []
    chars_so_far = passages_so_far = 0
    for paragraphs in _group_into_parts(sent_paragraphs, max_part_chars):
        chars_so_far += _count_chars(paragraphs)
        # rounding the running total, and not each part's share, gives `passage_count` in the end
        passages_up_to_here = round(passage_count * chars_so_far / total)
        part_passages = passages_up_to_here - passages_so_far
        passages_so_far = passages_up_to_here
        if part_passages > 0:
            text = "\n".join(map(whole_text.get_paragraph_text, paragraphs))
            label = hash16(whole_text.document.key, text)[:8]
            parts.append(DocumentPart(label, paragraphs, part_passages))
    return parts


def _group_into_parts(
    paragraphs: Sequence[Paragraph], max_part_chars: int
) -> list[list[Paragraph]]:
    """Merge the sections into as few parts as possible, of about equal length."""
    total = _count_chars(paragraphs)
    part_size = total / max(1, ceil(total / max_part_chars))
    by_part = defaultdict[int, list[Paragraph]](list)
    section_start = 0
    for section in _split_into_sections(paragraphs, max_part_chars // 2):
        # a section belongs to the part that its middle is in
        middle = section_start + _count_chars(section) / 2
        by_part[int(middle / part_size)] += section
        section_start += _count_chars(section)
    return list(by_part.values())


def _split_into_sections(
    paragraphs: Iterable[Paragraph], max_chars: int
) -> list[list[Paragraph]]:
    """Split paragraphs at headings and pages, and long sections between paragraphs."""
    sections = []
    for _, group in groupby(paragraphs, key=attrgetter("page", "heading")):
        section: list[Paragraph] = []
        for paragraph in group:
            if section and _count_chars([*section, paragraph]) > max_chars:
                sections.append(section)
                section = []
            section.append(paragraph)
        sections.append(section)
    return sections


_SPACES = regex(r"(?<![\n ]) {2,}")  # not the indentation of code
_MARKER_START = regex(r"(?i)<(?=\s*/?\s*text\b)")


def concatenate_documents(
    whole_texts: Sequence[DocumentText], title: str
) -> DocumentText:
    """Concatenate the pages of several documents, for requests and for locating quotes.

    The result has no paragraphs. Its key only serves to distinguish its parts from the parts of
    other documents.
    """
    pages: list[str] = []
    labels: list[str] = []
    for whole_text in whole_texts:
        pages += whole_text.pages
        labels += map(whole_text.get_page_label, range(len(whole_text.pages)))
    key = hash16(*(whole_text.document.key for whole_text in whole_texts))
    document = replace(whole_texts[0].document, key=DocumentKey(key), title=title)
    return DocumentText(document, tuple(pages), (), page_labels=tuple(labels))


def build_passage_selection_request(
    whole_text: DocumentText,
    part: DocumentPart,
    prompt: Prompt,
    mask: Callable[[str, Document], SendableText],
    known_passages: Sequence[Highlight] = (),
    position: str = "",
    find_document: Callable[[int], Document] | None = None,
) -> ModelRequest:
    """Build the request to choose passages from a part of a document.

    Args:
        whole_text: The document, or several concatenated documents.
        part: The part from which to choose.
        prompt: The prompt named `choose`.
        mask: Masks the private text in an excerpt from a document.
        known_passages: Passages that already have cards and must not be chosen again.
        position: The position of the part, e.g. "1 of 3", or "" for the only part.
        find_document: For concatenated documents, returns the document that a page is from.
    """
    text = _format_part(whole_text, part, mask, find_document)
    title = escape_tags(mask(whole_text.document.meaningful_title, whole_text.document))
    if position:
        title = SendableText(f"{title} ({position})".strip())
    values = {
        "most": mark_as_sendable(part.passage_count_phrase),
        "title": title,
        "remark": _format_known_passages(known_passages, mask),
        "highlights": SendableText(f'<text h="{part.label}">\n{text}\n</text>'),
    }
    return build_card_request(prompt, ReplyShape(), values)


def _format_part(
    whole_text: DocumentText,
    part: DocumentPart,
    mask: Callable[[str, Document], SendableText],
    find_document: Callable[[int], Document] | None,
) -> str:
    """Format the text of a part, with the names of its documents and pages, and its headings."""
    if find_document is None:
        text = _format_paragraphs(whole_text, part.paragraphs)
        masked_texts = [mask(text, whole_text.document)]
    else:
        masked_texts = []
        get_document = find_document
        for document, group in groupby(
            part.paragraphs, lambda paragraph: get_document(paragraph.page)
        ):
            text = _format_paragraphs(whole_text, group)
            title = f"\n[from “{document.meaningful_title}”]"
            masked_texts.append(mask(f"{title}\n{text}", document))
    return _MARKER_START.sub("‹", "\n".join(map(escape_tags, masked_texts)))


def _format_paragraphs(whole_text: DocumentText, paragraphs: Iterable[Paragraph]) -> str:
    """Format the paragraphs of one document, with the label of each page that has one."""
    lines = []
    for page, group in groupby(paragraphs, attrgetter("page")):
        page_label = whole_text.get_page_label(page)
        if page_label:
            lines.append(f"[page {page_label}]")
        for paragraph in group:
            lines.append(_format_paragraph(whole_text, paragraph))
    return "\n".join(lines)


def _format_paragraph(whole_text: DocumentText, paragraph: Paragraph) -> str:
    text = blank_out_site_markup(whole_text.get_paragraph_text(paragraph)).strip()
    text = _SPACES.sub(" ", text)
    if paragraph.level:
        return f"\n{'#' * paragraph.level} {text}"
    return text


def _format_known_passages(
    passages: Sequence[Highlight], mask: Callable[[str, Document], SendableText]
) -> SendableText:
    """List the passages not to choose, or return "" if there are none."""
    if not passages:
        return NO_TEXT
    lines = ["These are highlighted already. Choose others, on other facts:"]
    for highlight in passages[-_MAX_LISTED_PASSAGES:]:
        passage = mask(to_one_line(highlight.exact, 120), highlight.document)
        lines.append(f"- {escape_tags(passage)}")
    return SendableText("\n".join(lines))


# --- import -----------------------------------------------------------------------------


class ChosenPassage(NamedTuple):
    """A passage chosen in a reply, with its cards. It has no key until it is stored."""

    location: PassageMatch
    passage: Highlight
    cards: list[ReplyCard]


class ParsedChoices(NamedTuple):
    """The passages chosen in a reply, and a problem for each card that can't be used."""

    choices: list[ChosenPassage]
    problems: list[Problem]
    card_count: int
    """How many cards the answer contains."""
    located_count: int
    """How many quotes were found in the document."""
    fuzzy_count: int
    """How many of the quotes found differ slightly from the document."""

    @property
    def summary(self) -> str:
        """A one-line message for the user about how many passages were chosen."""
        passages = format_count(len(self.choices), "passage")
        result = f"{passages} chosen, of {self.card_count:,} in the answer"
        if self.card_count > self.located_count:
            missing = format_count(self.card_count - self.located_count, "quote")
            result += f"; {missing} not in the document"
        if self.fuzzy_count:
            quotes = format_count(self.fuzzy_count, "quote")
            result += f"; {quotes} corrected to the document's words"
        return result


def make_reply_origin(text: str, prompt: Prompt, model: str = "") -> Origin:
    """Build the origin of the cards in a reply from a model, or from a chat if `model` is ""."""
    return Origin(
        "llm", model or CHAT_MODEL, prompt.fingerprint, make_pasted_reply_key(text)
    )


def parse_chosen_passages(
    text: str,
    letters: DocumentLetters,
    pages: Collection[int],
    make_highlight: Callable[[PassageMatch], Highlight],
    find_faults: FindFaults,
    taken_spans: Iterable[Span] = (),
) -> ParsedChoices:
    """Parse the passages that a reply chooses, and return them in document order.

    A card is reported as a problem if its quote isn't in the document, its passage is already a
    highlight, or a check blocks it.

    Args:
        text: The reply.
        letters: The document's letters and digits, casefolded.
        pages: The pages of the part that was sent. They are searched first.
        make_highlight: Creates the highlight for a location in the document.
        find_faults: Returns the findings that block a card.
        taken_spans: The spans of passages that already have cards, as offsets into `letters`.
    """
    reply = parse_reply(text, letters.pages)
    cards = [card for card in reply.cards if not isinstance(card, DeclinedCard)]
    problems = list(reply.problems)
    taken = list(taken_spans)
    candidates: list[ChosenPassage] = []
    located_count = fuzzy_count = 0
    for card in cards:
        located, is_exact = locate_quote(card.quote, letters, pages)
        if located is None:
            reason = letters.explain_missing_quote(card.quote, "the document")
            problems.append(Problem("", f"{format_card_title(card)}: {reason}"))
            continue
        located_count += 1
        if not is_exact:
            fuzzy_count += 1
        candidate = _find_same_passage(candidates, located)
        if candidate is None and _is_taken(located, taken):
            problems.append(_make_taken_notice(card))
            continue
        if candidate is None:
            candidate = ChosenPassage(located, make_highlight(located), [])
            candidates.append(candidate)
        # use the document's text as the evidence, because the chat may have copied it badly
        candidate.cards.append(replace(card, quote=candidate.passage.exact))

    choices = []
    for candidate in candidates:
        sound, faults = select_valid_cards(
            candidate.cards, candidate.passage, ReplyShape(), find_faults, MAX_FACTS
        )
        problems += faults
        if sound:
            choices.append(candidate._replace(cards=sound))
    choices.sort(key=lambda choice: choice.location.letter_span)
    return ParsedChoices(choices, problems, len(cards), located_count, fuzzy_count)


def _is_taken(located: PassageMatch, taken_spans: Iterable[Span]) -> bool:
    return any(_is_same_passage(span, located.letter_span) for span in taken_spans)


def _make_taken_notice(card: ReplyCard) -> Problem:
    message = f"{format_card_title(card)}: its passage is a highlight already"
    hint = "ankiforge draft export asks about those without a card"
    return Problem("", message, hint, is_notice=True)


def make_drafts(
    choice: ChosenPassage, highlight: Highlight, origin: Origin
) -> tuple[Draft, ...]:
    """Build up to `MAX_FACTS` drafts for a chosen passage that was stored as `highlight`."""
    return build_drafts(choice.cards, highlight, origin, ReplyShape(), MAX_FACTS)


def _find_same_passage(
    candidates: Iterable[ChosenPassage], located: PassageMatch
) -> ChosenPassage | None:
    for candidate in candidates:
        if _is_same_passage(candidate.location.letter_span, located.letter_span):
            return candidate
    return None


def _is_same_passage(first: Span, second: Span) -> bool:
    common = min(first[1], second[1]) - max(first[0], second[0])
    return common >= _MIN_OVERLAP * min(first[1] - first[0], second[1] - second[0])
