"""Propose a card, offline, for each plain highlight that is likely to make a good one.

A highlight is split into sentences, which are completed from the source (`excerpts`).
Unsuitable sentences are rejected (`rejection`), and the others are scored. A card is proposed
for a sentence if the user will probably keep it (`features`). At most four of its spans
become alternative gaps, best first (`ranking`).

A run only calls `score_highlight` and stores the score, by which proposals are sorted.
`propose_drafts` creates the card when the highlight is shown. The card is never stored. It
depends only on the highlight and on static tables, so it is the same on every computer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from msgspec.structs import replace

from ankiforge.draft.propose.excerpts import Excerpt, make_excerpts
from ankiforge.draft.propose.features import (
    estimate_confidence,
    estimate_text_confidence,
    extract_sentence_features,
    is_plain_fact,
)
from ankiforge.draft.propose.ranking import (
    MAX_GAP_SCORE,
    MAX_GAPS,
    Features,
    GapRanker,
    ScoredGap,
    TokenRun,
    is_same_gap,
    rank_gaps,
)
from ankiforge.draft.propose.rejection import (
    RejectionReason,
    find_rejection,
    strip_ending,
)
from ankiforge.draft.propose.study import reports_study
from ankiforge.language.detection import CITATION, detect_language
from ankiforge.language.lexicon import LanguageTables, load_language
from ankiforge.language.tokens import is_verb, tokenize
from ankiforge.language.vocabulary import get_highlighted_term
from ankiforge.language.words import is_lead_in
from ankiforge.model import (
    LOOKED_UP_WORD,
    MIN_CERTAIN_CONFIDENCE,
    MIN_PROPOSAL_CONFIDENCE,
    CardKind,
    Draft,
    DraftingResult,
    DraftingStatus,
    Highlight,
    Origin,
    SourceKind,
    Span,
    Strings,
    Value,
    hints,
)
from ankiforge.text import cloze, regex
from ankiforge.text.cloze import escape_markdown, to_plain_text
from ankiforge.text.located import locate_text
from ankiforge.text.normalize import UNSPACED_SCRIPTS

__all__ = [
    "DRAFTER_NAME",
    "RejectionReason",
    "ScoredSentence",
    "draft_cloze",
    "propose_drafts",
    "score_highlight",
    "score_sentences",
]

DRAFTER_NAME = "propose"
"""The name by which drafts refer to this drafter."""
_MAX_GAPS_TRIED = 8
# In notes and papers, the term of a definition makes a certain card if its sentence has at least a
# confidence of .4 with an average gap. Of 14 such sentences of real study notes, textbooks and
# papers, readers blanked out the term in 11; of 10 in exports of e-readers and the web, in 7.
_TERM_SCORE_IN_NOTES = 11.8
_MAX_CONFIDENCE_WITHOUT_GAP = 0.7
# Matches a comment such as `.h1`, which marks a heading in Readwise.
_HEADING_COMMENT = regex(r"\s*\.h\d\b")
_ONE_WORD = regex(rf"[^\W\d_{UNSPACED_SCRIPTS}]+")
# Matches a label that the rest of the text explains, as in `Time to Live: a counter`.
_LABEL = regex(r"\A\W{0,3}(?:[^\s:]+ ){0,4}[^\s:]+(?:\s?:|\s[–—])\s")
FindBlockers = Callable[[Draft, Highlight], Strings]
"""Returns the messages of the findings that block a draft."""


def score_highlight(highlight: Highlight) -> DraftingResult:
    """Estimate the probability that the user keeps a card made from a highlight.

    A highlight scores as high as its best sentence.
    """
    scored: list[tuple[float, Excerpt]] = []
    rejection_reasons = []
    for result in score_sentences(highlight):
        if isinstance(result, RejectionReason):
            rejection_reasons.append(result)
        else:
            confidence = _estimate_card_confidence(highlight, result)
            scored.append((confidence, result.excerpt))
    if not scored:
        rejection_reasons.append(RejectionReason.NO_WORDS)
        return DraftingResult(
            highlight,
            status=DraftingStatus.NO_CARD,
            reason=rejection_reasons[0].value,
            usefulness=_estimate_usefulness_without_sentence(highlight),
        )
    scored.sort(key=lambda pair: -pair[0])
    confidence_by_quote = []
    for confidence, excerpt in scored:
        confidence_by_quote.append((_find_quote(highlight, excerpt), confidence))
    usefulness = scored[0][0]
    return DraftingResult(
        highlight,
        status=DraftingStatus.NO_CARD,
        reason=_describe_confidence(usefulness).value,
        usefulness=usefulness,
        usefulness_by_sentence=tuple(confidence_by_quote),
    )


def _estimate_usefulness_without_sentence(highlight: Highlight) -> float:
    """Return the usefulness of a highlight without a suitable sentence, which is negative.

    Such highlights are thus sorted behind all others.
    """
    if CITATION.fullmatch(highlight.exact):
        return -1.0
    return estimate_text_confidence(highlight, highlight.exact) - 1.0


def _describe_confidence(confidence: float) -> RejectionReason:
    """Return whether a proposal with a certain confidence is shown, and where."""
    if confidence < MIN_PROPOSAL_CONFIDENCE:
        return RejectionReason.UNCERTAIN
    if confidence < MIN_CERTAIN_CONFIDENCE:
        return RejectionReason.LESS_CERTAIN
    return RejectionReason.PROPOSED


def _estimate_card_confidence(highlight: Highlight, sentence: ScoredSentence) -> float:
    """Return the confidence in the card made from a sentence.

    If the best gap makes the card certain, this is the confidence with that gap. Otherwise, it
    is the confidence with an average gap, up to a maximum, because the sentence may still be
    worth a question.
    """
    best_gap = None
    # ranking gaps takes a while, so rule out sentences for which no gap is good enough
    if _may_be_certain(sentence, _TERM_SCORE_IN_NOTES):
        search = _GapSearch(highlight, sentence)
        best_gap = search.find_fixed_gap()
        if best_gap is None and _may_be_certain(sentence, MAX_GAP_SCORE):
            best_gap = next(iter(search.find_gaps()), None)
    if best_gap is not None:
        confidence = estimate_confidence(sentence.features, best_gap.score)
        if confidence >= MIN_CERTAIN_CONFIDENCE:
            return confidence
    return min(sentence.confidence, _MAX_CONFIDENCE_WITHOUT_GAP)


def _may_be_certain(sentence: ScoredSentence, max_gap_score: float) -> bool:
    """Return whether the card of a sentence is certain if its gap has the maximum score."""
    confidence = estimate_confidence(sentence.features, max_gap_score)
    return confidence >= MIN_CERTAIN_CONFIDENCE


def propose_drafts(
    highlight: Highlight, find_blockers: FindBlockers | None = None
) -> DraftingResult:
    """Draft a card for each sentence that scores high enough, the most confident first.

    Each draft has up to four alternative gaps. If no sentence scores high enough, the result has
    the reason instead.

    Args:
        highlight: The highlight to draft cards from.
        find_blockers: Returns the findings that block a draft with one particular gap. Blocked
            gaps are left out.
    """
    drafts = []
    refusals: list[tuple[float, RejectionReason]] = []
    rejection_reasons = []
    for result in score_sentences(highlight):
        if isinstance(result, RejectionReason):
            rejection_reasons.append(result)
            continue
        draft = draft_cloze(
            highlight, result, find_blockers, min_confidence=MIN_PROPOSAL_CONFIDENCE
        )
        if isinstance(draft, Draft):
            drafts.append(draft)
        else:
            refusals.append((result.confidence, draft))
    if drafts:
        drafts.sort(key=lambda draft: -draft.confidence)
        return DraftingResult(highlight, tuple(drafts))
    if refusals:
        _, reason = max(refusals, key=lambda refusal: refusal[0])
    else:
        reason = next(iter(rejection_reasons), RejectionReason.NO_WORDS)
    return DraftingResult(highlight, status=DraftingStatus.NO_CARD, reason=reason.value)


class ScoredSentence(Value):
    """A sentence with the probability that the user keeps a card made from it."""

    excerpt: Excerpt
    language: str
    features: Features
    confidence: float
    """The confidence in a card with an average gap."""
    min_confidence: float
    """The confidence in a card with any gap is at least this."""


def score_sentences(highlight: Highlight) -> Iterator[ScoredSentence | RejectionReason]:
    """Yield each sentence of a highlight with its score, or the reason why it gets no card.

    If the whole highlight is unsuitable, e.g. because it's a heading, only one reason is yielded.
    """
    reason = _find_rejection_of_highlight(highlight)
    if reason is not None:
        yield reason
        return
    language = detect_language(
        highlight.exact, highlight.surrounding_text, highlight.context
    )
    is_from_paper = _is_from_paper(highlight)
    for excerpt in make_excerpts(highlight, load_language(language)):
        result = _score_excerpt(excerpt, language, is_from_paper=is_from_paper)
        if result is RejectionReason.CUT_OFF and _is_term(highlight):
            yield RejectionReason.SINGLE_WORD
        else:
            yield result


def _score_excerpt(
    excerpt: Excerpt, language: str, *, is_from_paper: bool
) -> ScoredSentence | RejectionReason:
    """Score an excerpt, or return the reason why it gets no card.

    In a paper, reports of its own study score lower. Elsewhere, a plain fact is always shown.
    """
    if excerpt.is_truncated:
        return RejectionReason.CUT_OFF
    tables = load_language(language)
    words = tokenize(excerpt.text, tables)
    cues = tables.cues.find_cues([token.folded for token in words])
    reason = find_rejection(
        excerpt.text, words, cues, tables, is_note=excerpt.is_markdown
    )
    if reason is not None:
        return reason
    features = extract_sentence_features(excerpt.text, words, cues, tables)
    min_confidence = 0.0
    if is_from_paper:
        features["study"] = float(reports_study(excerpt.text))
    elif is_plain_fact(excerpt.text, words, features, tables):
        min_confidence = MIN_PROPOSAL_CONFIDENCE
    confidence = max(estimate_confidence(features), min_confidence)
    return ScoredSentence(excerpt, language, features, confidence, min_confidence)


def _is_from_paper(highlight: Highlight) -> bool:
    """Return whether a highlight is of a PDF or of Zotero, or is quoted from there in a note."""
    return highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO) or any(
        hints.is_quoted_scheme(scheme) for scheme, _ in highlight.document.identifiers
    )


def _find_rejection_of_highlight(highlight: Highlight) -> RejectionReason | None:
    """Return the reason why none of a highlight's sentences may get a card, or None."""
    if _HEADING_COMMENT.match(highlight.comment):
        return RejectionReason.HEADING
    if highlight.line_syntax == LOOKED_UP_WORD:
        return RejectionReason.LOOKED_UP
    if highlight.sentence:
        return None
    term = get_highlighted_term(highlight)
    if term is not None and _ONE_WORD.fullmatch(term):  # a term has no full stop
        return RejectionReason.SINGLE_WORD
    return None


def _is_term(highlight: Highlight) -> bool:
    """Return whether a highlight is a word or short phrase whose sentence is unknown."""
    return not highlight.sentence and get_highlighted_term(highlight) is not None


def draft_cloze(
    highlight: Highlight,
    sentence: ScoredSentence,
    find_blockers: FindBlockers | None = None,
    *,
    min_confidence: float = 0.0,
) -> Draft | RejectionReason:
    """Draft a cloze card from a sentence, or return the reason why the sentence is rejected.

    The draft has at most four alternative gaps, best first, none of which is blocked by a check.
    The sentence is rejected if it has no such gap, or if the confidence in its card is below
    `min_confidence`.
    """
    drafts: list[Draft] = []
    for gap in _GapSearch(highlight, sentence).find_gaps():
        confidence = estimate_confidence(sentence.features, gap.score)
        confidence = max(confidence, sentence.min_confidence)
        if not drafts and confidence < min_confidence:
            return RejectionReason.UNCERTAIN
        draft = _draft_gap(highlight, sentence.excerpt, gap.span)
        if find_blockers is None or not find_blockers(draft, highlight):
            drafts.append(replace(draft, confidence=confidence))
        if len(drafts) == MAX_GAPS:
            break
    if not drafts:
        return RejectionReason.NO_GAP
    return replace(drafts[0], gaps=tuple(draft.get_field("Text") for draft in drafts))


class _GapSearch:
    """Finds the gaps of a sentence."""

    def __init__(self, highlight: Highlight, sentence: ScoredSentence) -> None:
        self._tables = load_language(sentence.language)
        self._excerpt = sentence.excerpt
        self._is_in_export = highlight.source_kind is SourceKind.OTHER
        self._label = _LABEL.match(self._excerpt.text)
        self._ranker = GapRanker(
            self._excerpt.text,
            self._tables,
            self._excerpt.gap_range,
            find_visible_stems(highlight, self._tables),
        )

    def find_gaps(self) -> Iterable[ScoredGap]:
        """Return the best gaps, best first. A fixed gap comes before all others."""
        if self._begins_with_lead_in():
            return ()
        fixed_gap = self.find_fixed_gap()
        ranked_gaps = islice(rank_gaps(self._ranker), _MAX_GAPS_TRIED)
        if fixed_gap is None:
            return self._put_gaps_in_label_first(ranked_gaps)
        if self._find_chosen_run() is not None:
            return [fixed_gap]
        others = (gap for gap in ranked_gaps if not is_same_gap(gap.span, fixed_gap.span))
        return chain([fixed_gap], others)

    def find_fixed_gap(self) -> ScoredGap | None:
        """Return the gap that the reader chose, or the term of a definition, or None."""
        if self._begins_with_lead_in():
            return None
        chosen = self._find_chosen_run()
        if chosen is not None:
            return ScoredGap(self._ranker.get_span(chosen), MAX_GAP_SCORE)
        term = self._ranker.find_defined_term()
        if term is None:
            return None
        span = self._ranker.get_span(self._ranker.extend_to_gloss(term))
        score = MAX_GAP_SCORE if self._is_in_export else _TERM_SCORE_IN_NOTES
        return ScoredGap(span, score)

    def _find_chosen_run(self) -> TokenRun | None:
        if self._excerpt.chosen_gap is None:
            return None
        return self._ranker.find_complete_run(self._excerpt.chosen_gap)

    def _begins_with_lead_in(self) -> bool:
        return self._label is not None and is_lead_in(self._label[0])

    def _put_gaps_in_label_first(self, gaps: Iterable[ScoredGap]) -> Iterable[ScoredGap]:
        """Sort gaps so that those in the label come first, or return none if none is there.

        The label is the `Time to Live` of `Time to Live: a counter`. Words with a verb before a
        colon are no label, so that the order of the gaps stays as it is.
        """
        label = self._label
        if label is None:
            return gaps
        label_words = tokenize(label[0], self._tables)
        if any(is_verb(word, self._tables) for word in label_words):
            return gaps
        in_label: list[ScoredGap] = []
        after_label: list[ScoredGap] = []
        for gap in gaps:
            _, gap_end = gap.span
            if gap_end <= label.end():
                in_label.append(gap)
            else:
                after_label.append(gap)
        if not in_label:
            return []
        return in_label + after_label


def find_visible_stems(highlight: Highlight, tables: LanguageTables) -> frozenset[str]:
    """Return the stems of the words in the title and heading, which are shown on the card."""
    text = f"{highlight.document.title} {highlight.heading}"
    return frozenset(strip_ending(token.folded) for token in tokenize(text, tables))


def _draft_gap(highlight: Highlight, excerpt: Excerpt, span: Span) -> Draft:
    start, end = span
    text = excerpt.text
    if excerpt.is_markdown:
        cloze_text = cloze.add_clozes(text, (span,))
        answer = to_plain_text(text[start:end])
    else:
        cloze_gap = cloze.format_cloze(1, escape_markdown(text[start:end]))
        cloze_text = (
            f"{escape_markdown(text[:start])}{cloze_gap}{escape_markdown(text[end:])}"
        )
        answer = text[start:end]
    return Draft(
        key=highlight.key,
        kind=CardKind.CLOZE,
        fields=(("Text", cloze_text),),
        quote=_find_quote(highlight, excerpt),
        answer=answer,
        start=excerpt.offset,
        origin=Origin(DRAFTER_NAME),
    )


def _find_quote(highlight: Highlight, excerpt: Excerpt) -> str:
    """Return the text of the passage that an excerpt is from.

    For an excerpt of Markdown, this is its plain text if the highlighted text contains that, the
    whole highlight if the excerpt covers it, or otherwise the Markdown.
    """
    markdown = excerpt.text_with_noise or excerpt.text
    if not excerpt.is_markdown:
        return markdown
    plain_text = to_plain_text(markdown)
    if locate_text(plain_text, highlight.exact):
        return plain_text
    if markdown == highlight.markdown[0].strip():
        return highlight.exact
    return markdown
