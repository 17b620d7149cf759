"""Turn text that the user selected in a passage into the fields of a card.

The web page sends a selection as positions such as `3-8,12-15`. The card keeps the text of the
passage, and the selection becomes its cloze deletions or the answer to the user's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import (
    Draft,
    Fields,
    Highlight,
    HighlightKind,
    OfferedDraft,
    Span,
    Strings,
    Value,
)
from ankiforge.pipeline.decide import parse_new_fields
from ankiforge.review.decisions import MakeFromSelection
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import (
    HTML_TAG,
    escape_markdown,
    find_clozes,
    reveal_answers,
    to_plain_text,
)
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import UNSPACED_SCRIPTS, find_literal_spans, is_same_text
from ankiforge.text.sentences import find_sentence_around, find_sentence_spans, trim_span

_SPANS_PATTERN = regex(r"\d{1,7}-\d{1,7}(?:,\d{1,7}-\d{1,7}){0,63}")
# Characters that may be Markdown markup if they are missing from the plain text.
_MARKUP_CHARACTERS = frozenset("*_~=#>+-|`\\")
_LINK_OR_IMAGE = regex(r"!?\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_SENTENCE_ENDS = (".", "!", "?", "…")
_LOOSE_PUNCTUATION = " ,;:–—-"
"""Punctuation to strip from the end of a shortened sentence, because it introduced the rest."""
_PUNCTUATION = regex(r"[!-/:-@\[-`{-~]")
_WITHIN_WORD = regex(rf"[^\W{UNSPACED_SCRIPTS}]{{2}}")


class SelectableText(NamedTuple):
    """The text in which the user can select words."""

    text: str
    markdown: str | None = None
    """The same text as Markdown, or None if the text is literal."""


def get_selectable_text(highlight: Highlight) -> SelectableText:
    """Return the part of a highlight in which the user can select words."""
    if highlight.markdown and highlight.kind is not HighlightKind.CARD:
        return SelectableText(highlight.exact, highlight.markdown[0])
    return SelectableText(highlight.sentence or highlight.exact)


def make_fields_from_spans(
    highlight: Highlight, selection: str, question: str | None
) -> Fields:
    """Build the fields of a card from text that the user selected in a passage.

    Args:
        highlight: The passage.
        selection: The selection, e.g. `3-8,12-15`, in code points of the selectable text.
        question: The question answered by the selection, or None to make it a cloze deletion.

    Raises:
        UsageError: Nothing is selected, the selection is not in the text or cannot be
            blanked out, or `parse_new_fields` rejects the fields.
    """
    spans = _parse_spans(selection)
    text, markdown = get_selectable_text(highlight)
    if question is not None:
        return _make_question_fields(text, markdown, spans, question)
    with _wrap_selection_errors():
        return parse_new_fields({"Text": make_cloze_text(text, spans, markdown)})


def _make_question_fields(
    text: str, markdown: str | None, spans: Sequence[Span], question: str
) -> Fields:
    """Build the fields of a card whose answer is the selected text."""
    with _wrap_selection_errors():
        answers = [extract_span(text, span, markdown) for span in spans]
    return parse_new_fields({"Front": question, "Back": ", ".join(answers)})


@contextmanager
def _wrap_selection_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error), hint="select other words") from error


def _parse_spans(selection: str) -> list[Span]:
    """Parse a selection such as `3-8,12-15`, and sort its spans."""
    if not _SPANS_PATTERN.fullmatch(selection):
        raise UsageError(
            "no words are selected", hint="select words of the passage first"
        )
    spans: list[Span] = []
    for span in selection.split(","):
        start, end = span.split("-")
        spans.append((int(start), int(end)))
    return sorted(spans)


# --- proposals ------------------------------------------------------------------------------


class Sentence(Value):
    """A proposal's sentence, in which the user can select a gap other than the proposed ones."""

    text: str
    markdown: str
    gaps: tuple[Span, ...]
    """The proposed gaps, best first, in code points of `text`."""
    formulas: tuple[Span, ...]
    """The formulas, in code points of `text`."""
    code: tuple[Span, ...]
    """The code spans, in code points of `text`."""


def parse_sentence(draft: Draft) -> Sentence:
    """Parse the sentence of a proposal, and locate its gaps, formulas and code spans."""
    markdown = reveal_answers(draft.gaps[0])
    text = to_plain_text(markdown)
    formulas = []
    code = []
    for piece in _split_into_pieces(text, markdown).pieces:
        if not piece.indivisible:
            continue
        if piece.markdown.startswith("$"):
            formulas.append((piece.start, piece.end))
        elif piece.markdown.startswith("`"):
            code.append((piece.start, piece.end))

    gaps = tuple(map(_locate_first_gap, draft.gaps))
    return Sentence(text, markdown, gaps, tuple(formulas), tuple(code))


def _locate_first_gap(cloze_text: str) -> Span:
    """Return the span of the first gap of a cloze text, in the plain text with all answers."""
    gap = find_clozes(cloze_text)[0]
    answer = to_plain_text(gap.answer)
    plain_text = to_plain_text(cloze_text)
    # markup before the gap may render differently when it is cut off
    estimated_start = len(to_plain_text(cloze_text[: gap.start]))
    starts = [match.start() for match in re.finditer(re.escape(answer), plain_text)]
    start = min(
        starts, key=lambda start: abs(start - estimated_start), default=estimated_start
    )
    return start, min(start + len(answer), len(plain_text))


def find_previous_sentence(draft: OfferedDraft) -> str:
    """Return the sentence before the quote of a draft, or "" if there is none.

    The sentence must be on the same line as the quote, and must be complete.
    """
    highlight = draft.highlight
    quote = draft.quote or highlight.exact
    passage = highlight.sentence or highlight.exact
    for text in (highlight.surrounding_text, highlight.prefix + passage):
        span = locate_text(quote, text)
        if span is not None:
            line_before = text[: span[0]].rpartition("\n")[2]
            return _find_last_complete_sentence(line_before)
    return ""


def _find_last_complete_sentence(line: str) -> str:
    """Return the last sentence of a line, or "" if the line is blank or the sentence is a part."""
    spans = find_sentence_spans(line)
    if not spans:
        return ""
    start, end = spans[-1]
    sentence = line[start:end].strip()
    if not sentence[:1].isupper() or not sentence.endswith(_SENTENCE_ENDS):
        return ""
    return sentence


def make_fields_from_sentence(
    draft: OfferedDraft, selection: MakeFromSelection
) -> Fields:
    """Build the fields of a card from text that the user selected in a proposal's sentence.

    Raises:
        RefusedError: The draft has no alternative gaps, so it is not a proposal.
        UsageError: The selection or the new fields are invalid; see `make_fields_from_spans`.
    """
    if not draft.gaps:
        raise RefusedError("This cannot be done here.")
    spans = _parse_spans(selection.spans)
    sentence = parse_sentence(draft)
    if selection.question is not None:
        return _make_question_fields(
            sentence.text, sentence.markdown, spans, selection.question
        )
    with _wrap_selection_errors():
        text = _render_cut(sentence, spans, selection.cut)
    if selection.before and (previous := find_previous_sentence(draft)):
        text = f"{escape_markdown(previous)} {text}"
    return parse_new_fields({**dict(draft.fields), "Text": text})


def _render_cut(sentence: Sentence, spans: Sequence[Span], cut: str) -> str:
    """Render a sentence as cloze text. If `cut` is given, only that part of the sentence is kept.

    Raises:
        ValueError: `cut` is not a valid span of the sentence, or the selection cannot be
            hidden.
    """
    if not cut:
        return make_cloze_text(sentence.text, spans, sentence.markdown, whole=True)
    start, end = _parse_cut(sentence.text, cut)
    markdown = extract_span(sentence.text, (start, end), sentence.markdown)
    spans_in_cut = [(first - start, last - start) for first, last in spans]
    if end < len(sentence.text.rstrip()):
        markdown = f"{markdown.rstrip(_LOOSE_PUNCTUATION)}."
    text = make_cloze_text(to_plain_text(markdown), spans_in_cut, markdown, whole=True)
    text_before = sentence.text[:start].rstrip()
    if start == 0 or text_before.endswith(_SENTENCE_ENDS):
        return text
    return f"… {text}"


def _parse_cut(text: str, cut: str) -> Span:
    """Parse the part of a sentence that is kept, which begins and ends between words."""
    [(start, end), *other_spans] = _parse_spans(cut)
    if other_spans:
        raise ValueError("this part is not in the sentence")
    if not start < end <= len(text):
        raise ValueError("this part is not in the sentence")
    for position in (start, end):
        if position > 0 and _WITHIN_WORD.match(text, position - 1):
            raise ValueError("the sentence would begin or end within a word")
    return start, end


class _Piece(Value):
    """An indivisible segment of Markdown, with its position in the plain text."""

    start: int
    end: int
    markdown: str
    indivisible: bool = False
    """Whether the piece is a formula, code or a link, which can only be blanked out as a whole."""

    def overlaps(self, span: Span) -> bool:
        start, end = span
        return self.start < end and self.end > start


_Pieces = Sequence[_Piece]
_Renderer = Callable[[_Pieces], str]


class _SplitPassage(NamedTuple):
    """A passage in pieces, and how to render some of them."""

    pieces: _Pieces
    forms: tuple[_Renderer, ...]
    """Functions that render pieces as Markdown, the preferred one first."""
    to_plain: _Renderer
    """Renders pieces as plain text."""

    def select_pieces(self, span: Span) -> list[_Piece]:
        """Return the pieces that overlap with a span of the plain text."""
        return [piece for piece in self.pieces if piece.overlaps(span)]


def make_cloze_text(
    text: str,
    spans: Sequence[Span],
    markdown: str | None = None,
    *,
    whole: bool = False,
) -> str:
    """Turn the sentences around a selection into cloze text that hides the selection.

    Formulas, code and links are hidden as a whole. Emphasis that straddles a gap is
    removed, because a card must preserve the text of the passage but not its formatting.

    Args:
        text: The passage as plain text.
        spans: The selection, in code points of `text`. Overlapping spans are merged.
        markdown: The passage as Markdown, or None if the text is literal.
        whole: Whether to keep the whole text instead of only the sentences around the selection.

    Raises:
        ValueError: A span is outside the text or cannot be hidden.
    """
    # find the pieces of the sentences around the selection
    selected = _merge_spans(text, spans)
    context_span = (0, len(text))
    if not whole:
        context_span = find_sentence_around(text, selected[0][0], selected[-1][1])
    passage = _split_into_pieces(text, markdown)
    pieces = passage.select_pieces(context_span)
    gap_slices = _find_gap_slices(text, selected, passage.pieces, pieces)

    # return the first rendering that preserves both the text and the gaps
    gap_texts = [passage.to_plain(pieces[gap_slice]) for gap_slice in gap_slices]
    plain_text = passage.to_plain(pieces)
    for form in passage.forms:
        cloze_text = _render_cloze_text(pieces, gap_slices, form)
        if _has_text_and_gaps(cloze_text, plain_text, gap_texts):
            return cloze_text
    raise ValueError("these words cannot be blanked out in their sentence")


def _find_gap_slices(
    text: str, selected: Sequence[Span], all_pieces: _Pieces, pieces: _Pieces
) -> list[slice]:
    """Find the pieces to blank out: the selection, extended to whole formulas, code and links.

    Args:
        text: The passage as plain text.
        selected: The selected spans of the text.
        all_pieces: The pieces of the passage.
        pieces: The pieces of the sentences around the selection, to which the slices belong.
    """
    extended_spans = []
    for start, end in selected:
        for piece in all_pieces:
            if piece.indivisible and piece.overlaps((start, end)):
                start = min(start, piece.start)
                end = max(end, piece.end)
        extended_spans.append((start, end))
    gap_slices: list[slice] = []
    for span in _merge_spans(text, extended_spans):
        indexes = [index for index, piece in enumerate(pieces) if piece.overlaps(span)]
        gap_slices.append(slice(indexes[0], indexes[-1] + 1))
    return gap_slices


def _render_cloze_text(
    pieces: _Pieces, gap_slices: Sequence[slice], form: _Renderer
) -> str:
    """Render pieces as cloze text with a cloze deletion for each slice."""
    cloze_text = ""
    position = 0
    for number, gap_slice in enumerate(gap_slices, start=1):
        before = form(pieces[position : gap_slice.start])
        cloze_text += cloze.escape_cloze_braces(before)
        cloze_text += cloze.format_cloze(number, form(pieces[gap_slice]))
        position = gap_slice.stop
    cloze_text += cloze.escape_cloze_braces(form(pieces[position:]))
    return cloze_text.strip()


def _has_text_and_gaps(
    cloze_text: str, plain_text: str, gap_texts: Sequence[str]
) -> bool:
    """Return whether a cloze text is valid, and has the text and the gaps that it should have."""
    answers = [to_plain_text(gap.answer) for gap in find_clozes(cloze_text)]
    if len(answers) != len(gap_texts):
        return False
    if not all(map(is_same_text, gap_texts, answers)):
        return False
    if any(cloze.find_cloze_problems(cloze_text)):
        return False
    return is_same_text(to_plain_text(cloze_text), plain_text)


def extract_span(text: str, span: Span, markdown: str | None = None) -> str:
    """Return a span of a passage as Markdown, extended to whole formulas, code spans and links.

    Raises:
        ValueError: The span is outside the passage or contains no text.
    """
    [selected] = _merge_spans(text, [span])
    passage = _split_into_pieces(text, markdown)
    pieces = passage.select_pieces(selected)
    plain_text = passage.to_plain(pieces)
    for form in passage.forms:
        candidate = form(pieces).strip()
        if is_same_text(to_plain_text(candidate), plain_text):
            return candidate
    return passage.forms[-1](pieces)


def _merge_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Sort and trim spans, and merge those that overlap.

    Raises:
        ValueError: There are no spans, or one is blank or outside the text.
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start <= end <= len(text):
            raise ValueError("these words are not in the passage")
        start, end = trim_span(text, start, end)
        if start == end:
            raise ValueError("no words are selected")
        if merged and start < merged[-1][1]:
            start, previous_end = merged.pop()
            end = max(end, previous_end)
        merged.append((start, end))
    if not merged:
        raise ValueError("no words are selected")
    return merged


# --- a passage in pieces --------------------------------------------------------------------


def _split_into_pieces(text: str, markdown: str | None) -> _SplitPassage:
    """Split a passage into indivisible pieces, and choose how to render them.

    Markdown can be rendered as written or without emphasis. Literal text can be rendered
    with minimal escaping or with all punctuation escaped, because joining pieces may turn
    separate characters into markup. Markdown that doesn't match the text is ignored.

    Args:
        text: The passage as plain text.
        markdown: The passage as Markdown, or None if the text is literal.
    """
    if markdown:
        pieces = _align_with_text(text, markdown)
        if pieces is not None:
            forms = (_render_as_written, _render_without_emphasis)
            return _SplitPassage(pieces, forms, _render_markdown_as_plain_text)
    letters = [_Piece(index, index + 1, letter) for index, letter in enumerate(text)]
    forms = (_render_escaped, _render_with_escaped_punctuation)
    return _SplitPassage(letters, forms, _render_as_written)


def _render_markdown_as_plain_text(pieces: _Pieces) -> str:
    # the plain text of the pieces has no formula delimiters, unlike that of the passage
    return to_plain_text(_render_without_emphasis(pieces))


def _render_escaped(pieces: _Pieces) -> str:
    return escape_markdown(_render_as_written(pieces))


def _render_with_escaped_punctuation(pieces: _Pieces) -> str:
    return _PUNCTUATION.sub(r"\\\g<0>", _render_as_written(pieces))


def _render_as_written(pieces: _Pieces) -> str:
    return "".join(piece.markdown for piece in pieces)


def _render_without_emphasis(pieces: _Pieces) -> str:
    visible_pieces = []
    for piece in pieces:
        if piece.end > piece.start or piece.indivisible:
            visible_pieces.append(piece)
    return _render_as_written(visible_pieces)


def _align_with_text(text: str, markdown: str) -> list[_Piece] | None:
    """Align the tokens of Markdown with the plain text, or return None if they don't match."""
    pieces: list[_Piece] = []
    position = 0
    for token in _iter_tokens(markdown):
        length = token.find_length(text, position)
        if length == 0 and not token.may_be_invisible:
            return None
        end = position + length
        pieces.append(_Piece(position, end, token.markdown, token.indivisible))
        position = end
    if text[position:].strip():
        return None
    return pieces


class _MarkdownToken(Value):
    markdown: str
    texts: Strings
    """The plain texts that the token may render as."""
    indivisible: bool = False

    @property
    def may_be_invisible(self) -> bool:
        """Whether the token may be missing from the plain text, as markup and spaces may."""
        if self.indivisible:
            return not any(self.texts)
        if self.markdown.isspace() or self.markdown in _MARKUP_CHARACTERS:
            return True
        return HTML_TAG.fullmatch(self.markdown) is not None

    def find_length(self, text: str, position: int) -> int:
        """Return the length of the token in the plain text at a position, or 0."""
        for own_text in self.texts:
            if own_text and text.startswith(own_text, position):
                return len(own_text)
        if self.markdown.isspace() and text[position : position + 1].isspace():
            return 1
        return 0


def _iter_tokens(markdown: str) -> Iterator[_MarkdownToken]:
    runs = [*find_literal_spans(markdown)]
    for kind, pattern in (("link", _LINK_OR_IMAGE), ("tag", HTML_TAG)):
        runs += [(*match.span(), kind) for match in pattern.finditer(markdown)]
    # if two runs begin at the same position, the longer one comes first
    runs.sort(key=lambda run: (run[0], -run[1]))
    position = 0
    for start, end, kind in runs:
        if start < position:
            continue
        for character in markdown[position:start]:
            yield _MarkdownToken(character, (character,))
        raw = markdown[start:end]
        if kind == "tag":
            yield _MarkdownToken(raw, ("",))
        else:
            is_indivisible = kind != "escape"
            yield _MarkdownToken(raw, (to_plain_text(raw), raw), is_indivisible)
        position = end
    for character in markdown[position:]:
        yield _MarkdownToken(character, (character,))
