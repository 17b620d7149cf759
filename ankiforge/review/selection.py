"""Make the fields of a card from words that a person selected in a passage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ankiforge.errors import UsageError
from ankiforge.model import (
    Draft,
    Fields,
    Highlight,
    HighlightKind,
    Offered,
    Pair,
    Span,
    Strings,
    Value,
)
from ankiforge.pipeline.decide import new_fields
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import TAG, gaps, literal, plain, reveal
from ankiforge.text.fold import UNSPACED, locate, same, shields
from ankiforge.text.sentences import sentence_around, sentences, trimmed

_SPANS = regex(r"\d{1,7}-\d{1,7}(?:,\d{1,7}-\d{1,7}){0,63}")
# Characters that may be markup instead of text.
_MARKUP_CHARACTERS = frozenset("*_~=#>+-|`\\")
_LINK_OR_IMAGE = regex(r"!?\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_ENDS = (".", "!", "?", "…")
"""The signs at the end of a sentence."""
_LOOSE = " ,;:–—-"
"""The signs that go with the clause behind them."""
_PUNCTUATION = regex(r"[!-/:-@\[-`{-~]")
_WITHIN_WORD = regex(rf"[^\W{UNSPACED}]{{2}}")


def selectable_text(highlight: Highlight) -> Pair:
    """Return the text in which words may be selected, and its Markdown ("" = the same)."""
    if highlight.markdown and highlight.kind is not HighlightKind.CARD:
        return highlight.exact, highlight.markdown[0]
    return highlight.sentence or highlight.exact, ""


def fields_from_spans(
    highlight: Highlight,
    selected: str,
    question: str | None,
) -> Fields:
    """Return the fields of a card made of selected words.

    Args:
        highlight: the passage.
        selected: `3-8,12-15`, in code points of the selectable text.
        question: the words are its answer; None = they are the gaps of a cloze.

    Raises:
        UsageError: no words are selected, or they are not in the text or cannot be hidden; or what
            `new_fields` raises.
    """
    spans = _spans(selected)
    text, markdown = selectable_text(highlight)
    with _other_words():
        if question is None:
            return new_fields({"Text": gapped(text, spans, markdown)})
        answers = [part(text, span, markdown) for span in spans]
    return new_fields({"Front": question, "Back": ", ".join(answers)})


@contextmanager
def _other_words() -> Iterator[None]:
    """Raise a `UsageError` where the selected words cannot be hidden."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error), hint="select other words") from error


def _spans(selected: str) -> list[Span]:
    """Return the spans of a selection, in order.

    Raises:
        UsageError: no words are selected.
    """
    if not _SPANS.fullmatch(selected):
        raise UsageError(
            "no words are selected", hint="select words of the passage first"
        )
    spans: list[Span] = []
    for span in selected.split(","):
        start, end = span.split("-")
        spans.append((int(start), int(end)))
    return sorted(spans)


# --- proposals ------------------------------------------------------------------------------


class Sentence(Value):
    """The sentence of a proposal."""

    text: str
    """As plain text."""
    markdown: str
    gaps: tuple[Span, ...]
    """The proposed gaps, best first, in code points of `text`."""
    formulas: tuple[Span, ...]
    """The formulas, in code points of `text`."""
    code: tuple[Span, ...]
    """The code, in the same."""


def sentence_of(draft: Draft) -> Sentence:
    """Return the sentence of a proposal, in which other words may be selected."""
    markdown = reveal(draft.gaps[0])
    text = plain(markdown)
    formulas = []
    code = []
    pieces, _, _ = _in_pieces(text, markdown)
    for piece in pieces:
        if piece.markdown.startswith("$") and piece.indivisible:
            formulas.append((piece.start, piece.end))
        elif piece.markdown.startswith("`") and piece.indivisible:
            code.append((piece.start, piece.end))

    # the first gap of each cloze text, where its answer is in the plain text
    proposed = []
    for cloze_text in draft.gaps:
        gap = gaps(cloze_text)[0]
        answer = plain(gap.answer)
        before = len(plain(cloze_text[: gap.start]))
        plain_text = plain(cloze_text)
        starts = [match.start() for match in re.finditer(re.escape(answer), plain_text)]
        start = min(starts, key=lambda start: abs(start - before), default=before)
        end = min(start + len(answer), len(plain_text))
        proposed.append((start, end))
    return Sentence(
        text=text,
        markdown=markdown,
        gaps=tuple(proposed),
        formulas=tuple(formulas),
        code=tuple(code),
    )


def sentence_before(draft: Offered) -> str:
    """Return the whole sentence before the words of a draft in its source; "" if there is none."""
    highlight = draft.highlight
    quote = draft.quote or highlight.exact
    for text in (
        highlight.nearby,
        highlight.prefix + (highlight.sentence or highlight.exact),
    ):
        found = locate(quote, text)
        if found is None:
            continue
        line = text[: found[0]].rpartition("\n")[2]
        spans = sentences(line)
        if not spans:
            return ""
        start, end = spans[-1]
        words = line[start:end].strip()
        return words if (words[:1].isupper() and words.endswith(_ENDS)) else ""
    return ""


class Selection(Value):
    """The words that a person selected in the sentence of a proposal."""

    spans: str
    """The words to hide or to ask for, as for `fields_from_spans`."""
    cut: str = ""
    """The part of the sentence that stays, `3-80`; "" = all of it."""
    before: bool = False
    """Whether the sentence before stands on the card, too."""


def fields_from_sentence(
    draft: Offered,
    selected: Selection,
    question: str | None,
) -> Fields:
    """Return the fields of a card made of words selected in the sentence of a proposal.

    Args:
        draft: the proposal.
        selected: in code points of the sentence.
        question: the words are its answer; None = they are the gaps of a cloze.

    Raises:
        UsageError: as `fields_from_spans`.
    """
    spans = _spans(selected.spans)
    sentence = sentence_of(draft)
    with _other_words():
        if question is None:
            text = _cut(sentence, spans, selected.cut)
            if selected.before and (before := sentence_before(draft)):
                text = f"{literal(before)} {text}"
            return new_fields({**dict(draft.fields), "Text": text})
        answers = [part(sentence.text, span, sentence.markdown) for span in spans]
    return new_fields({"Front": question, "Back": ", ".join(answers)})


def _cut(sentence: Sentence, spans: Sequence[Span], cut: str) -> str:
    """Return a sentence, or the part of it that stays, as a cloze text.

    Raises:
        ValueError: the words cannot be hidden in it.
    """
    if not cut:
        return gapped(sentence.text, spans, sentence.markdown, whole=True)
    [(start, end), *others] = _spans(cut)
    if others or not (start < end <= len(sentence.text)):
        raise ValueError("this part is not in the sentence")
    for place in (start, end):
        if place and _WITHIN_WORD.match(sentence.text, place - 1):
            raise ValueError("the sentence would begin or end within a word")
    markdown = part(sentence.text, (start, end), sentence.markdown)
    spans = [(first - start, last - start) for first, last in spans]
    if end < len(sentence.text.rstrip()):
        markdown = f"{markdown.rstrip(_LOOSE)}."
    text = gapped(plain(markdown), spans, markdown, whole=True)
    begins_later = start and not sentence.text[:start].rstrip().endswith(_ENDS)
    return f"… {text}" if begins_later else text


class _Undivided(Value):
    """A piece of Markdown that is never divided, and its position in the plain text."""

    start: int
    end: int
    markdown: str
    indivisible: bool = False
    """Whether it is a formula, code or a link."""

    def meets(self, span: Span) -> bool:
        start, end = span
        return self.start < end and self.end > start


_Pieces = Sequence[_Undivided]
_Form = Callable[[_Pieces], str]


def gapped(
    text: str,
    spans: Sequence[Span],
    markdown: str = "",
    *,
    whole: bool = False,
) -> str:
    """Return the sentences around a selection as a cloze text, with the selection hidden.

    Formulas, code and links are hidden whole. If a gap would cut emphasis in two, the emphasis is
    dropped: a card must have the words of the passage, but not its formatting.

    Args:
        text: a passage as plain text.
        spans: the selection, in code points of `text`. Overlapping spans are joined.
        markdown: the passage as Markdown. "" if the text is literal.
        whole: the card has the whole text, not the sentences around the selection.

    Raises:
        ValueError: there is nothing to hide at one of the spans.
    """
    # the pieces of the sentences around the selection
    selected = _joined(text, spans)
    first_start, _ = selected[0]
    _, last_end = selected[-1]
    around = (0, len(text))
    if not whole:
        around = sentence_around(text, first_start, last_end)
    all_pieces, forms, words_of = _in_pieces(text, markdown)
    pieces = [piece for piece in all_pieces if piece.meets(around)]

    # those of them that are hidden
    widened = []  # whole formulas, code and links
    for start, end in selected:
        for piece in all_pieces:
            if piece.indivisible and piece.meets((start, end)):
                start = min(start, piece.start)
                end = max(end, piece.end)
        widened.append((start, end))
    hidden_slices: list[slice] = []
    for span in _joined(text, widened):
        indexes = [index for index, piece in enumerate(pieces) if piece.meets(span)]
        first = indexes[0]
        last = indexes[-1]
        hidden_slices.append(slice(first, last + 1))

    # the first form that shows the words of the passage, and hides the right ones
    hidden_words = [words_of(pieces[hidden]) for hidden in hidden_slices]
    words = words_of(pieces)
    for form in forms:
        # each of the slices in a gap of its own
        cloze_text = ""
        position = 0
        for number, hidden in enumerate(hidden_slices, start=1):
            cloze_text += cloze.escape_signs(form(pieces[position : hidden.start]))
            cloze_text += cloze.make(number, form(pieces[hidden]))
            position = hidden.stop
        cloze_text += cloze.escape_signs(form(pieces[position:]))
        cloze_text = cloze_text.strip()
        answers = [plain(gap.answer) for gap in gaps(cloze_text)]
        hides_them = len(answers) == len(hidden_words) and all(
            map(same, hidden_words, answers)
        )
        if (
            hides_them
            and not any(cloze.problems(cloze_text))
            and same(plain(cloze_text), words)
        ):
            return cloze_text
    raise ValueError("these words cannot be hidden in their sentence")


def part(text: str, span: Span, markdown: str = "") -> str:
    """Return part of a passage as Markdown. Formulas are never cut.

    Raises:
        ValueError: the span contains no text.
    """
    [selected] = _joined(text, [span])
    all_pieces, forms, words_of = _in_pieces(text, markdown)
    pieces = [piece for piece in all_pieces if piece.meets(selected)]
    words = words_of(pieces)
    for form in forms:
        candidate = form(pieces).strip()
        if same(plain(candidate), words):
            return candidate
    last_form = forms[-1]
    return last_form(pieces)


def _joined(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans in order, trimmed, with overlapping ones joined.

    Raises:
        ValueError: there is none, or one is empty or not in the text.
    """
    joined: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start <= end <= len(text):
            raise ValueError("these words are not in the passage")
        first, last = trimmed(text, start, end)
        if first == last:
            raise ValueError("no words are selected")
        if joined and first < joined[-1][1]:
            before_start, before_end = joined.pop()
            first = before_start
            last = max(last, before_end)
        joined.append((first, last))
    if not joined:
        raise ValueError("no words are selected")
    return joined


# --- a passage in pieces --------------------------------------------------------------------


def _in_pieces(text: str, markdown: str) -> tuple[_Pieces, tuple[_Form, ...], _Form]:
    """Return a passage in pieces, the ways to write them as Markdown, best first, and as text.

    The forms of Markdown are as written, and without emphasis. The forms of literal text are
    escaped where necessary, and escaped everywhere (when pieces are joined, characters could become
    markup that were apart before).
    """
    aligned = _aligned(text, markdown) if markdown else None
    if aligned is not None:
        forms = (_as_written, _without_emphasis)
        # a formula has no delimiters there, unlike in `text`
        return aligned, forms, lambda pieces: plain(_without_emphasis(pieces))
    letters = [_Undivided(index, index + 1, letter) for index, letter in enumerate(text)]
    forms = (
        lambda pieces: literal(_as_written(pieces)),
        lambda pieces: _PUNCTUATION.sub(r"\\\g<0>", _as_written(pieces)),
    )
    return letters, forms, _as_written


def _as_written(pieces: _Pieces) -> str:
    return "".join(piece.markdown for piece in pieces)


def _without_emphasis(pieces: _Pieces) -> str:
    visible_pieces = []
    for piece in pieces:
        if piece.end > piece.start or piece.indivisible:
            visible_pieces.append(piece)
    return _as_written(visible_pieces)


def _aligned(text: str, markdown: str) -> list[_Undivided] | None:
    """Align the Markdown with the plain text. None if it is not the same text."""
    pieces: list[_Undivided] = []
    position = 0
    for token in _tokens(markdown):
        raw = token.markdown
        # how much of the plain text the token stands for
        lengths = []
        for candidate in token.texts:
            if candidate and text.startswith(candidate, position):
                lengths.append(len(candidate))
        if raw.isspace() and text[position : position + 1].isspace():
            lengths.append(1)
        length = lengths[0] if lengths else 0
        if not (length or token.indivisible):  # it may be markup
            if not (raw.isspace() or raw in _MARKUP_CHARACTERS or TAG.fullmatch(raw)):
                return None
        if token.indivisible and not length and any(token.texts):
            return None
        pieces.append(_Undivided(position, position + length, raw, token.indivisible))
        position += length
    return None if text[position:].strip() else pieces


class _MarkdownToken(Value):
    """A part of Markdown."""

    markdown: str
    texts: Strings
    """The plain texts that it may stand for."""
    indivisible: bool = False


def _tokens(markdown: str) -> Iterator[_MarkdownToken]:
    """Divide Markdown: code, maths, links and tags are one token each.

    Every other letter is one.
    """
    runs: list[tuple[int, int, str]] = [*shields(markdown)]
    for match in _LINK_OR_IMAGE.finditer(markdown):
        runs.append((match.start(), match.end(), "link"))
    for match in TAG.finditer(markdown):
        runs.append((match.start(), match.end(), "tag"))
    # of two that begin at one place, the longer
    runs.sort(key=lambda run: (run[0], -run[1]))
    position = 0
    for start, end, kind in runs:
        if start < position:
            continue
        for letter in markdown[position:start]:
            yield _MarkdownToken(letter, (letter,))
        raw = markdown[start:end]
        if kind == "tag":
            yield _MarkdownToken(raw, ("",))
        else:
            yield _MarkdownToken(raw, (plain(raw), raw), indivisible=kind != "escape")
        position = end
    for letter in markdown[position:]:
        yield _MarkdownToken(letter, (letter,))
