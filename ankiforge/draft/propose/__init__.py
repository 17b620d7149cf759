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
)
from ankiforge.draft.propose.ranking import (
    MAX_GAP_SCORE,
    MAX_GAPS,
    Features,
    GapRanker,
    is_same_gap,
    rank_gaps,
)
from ankiforge.draft.propose.rejection import (
    RejectionReason,
    find_rejection,
    strip_ending,
)
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
        usefulness = -1.0
        if not CITATION.fullmatch(highlight.exact):
            usefulness += estimate_text_confidence(highlight, highlight.exact)
        return DraftingResult(
            highlight,
            status=DraftingStatus.NO_CARD,
            reason=next(iter(rejection_reasons), RejectionReason.NO_WORDS).value,
            usefulness=usefulness,
        )
    scored.sort(key=lambda pair: -pair[0])
    usefulness = scored[0][0]
    reason = RejectionReason.PROPOSED
    if usefulness < MIN_PROPOSAL_CONFIDENCE:
        reason = RejectionReason.UNCERTAIN
    elif usefulness < MIN_CERTAIN_CONFIDENCE:
        reason = RejectionReason.LESS_CERTAIN
    return DraftingResult(
        highlight,
        status=DraftingStatus.NO_CARD,
        reason=reason.value,
        usefulness=usefulness,
        usefulness_by_sentence=tuple(
            (_find_quote(highlight, excerpt), confidence)
            for confidence, excerpt in scored
        ),
    )


def _estimate_card_confidence(highlight: Highlight, sentence: ScoredSentence) -> float:
    """Return the confidence in the card made from a sentence.

    If the best gap makes the card certain, this is the confidence with that gap. Otherwise, it
    is the confidence with an average gap, up to a maximum, because the sentence may still be
    worth a question.
    """
    # ranking gaps takes a while, so rule out sentences for which no gap is good enough
    best = estimate_confidence(sentence.features, _TERM_SCORE_IN_NOTES)
    if best >= MIN_CERTAIN_CONFIDENCE:
        for _, score in _find_gaps(highlight, sentence):
            confidence = estimate_confidence(sentence.features, score)
            if confidence >= MIN_CERTAIN_CONFIDENCE:
                return confidence
            break
    return min(sentence.confidence, _MAX_CONFIDENCE_WITHOUT_GAP)


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
    reasons = []
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
            reasons.append((-result.confidence, draft))
    if not drafts:
        rejection_reasons.append(RejectionReason.NO_WORDS)
        best = min(reasons, key=lambda pair: pair[0], default=(0.0, rejection_reasons[0]))
        return DraftingResult(
            highlight, status=DraftingStatus.NO_CARD, reason=best[1].value
        )
    drafts.sort(key=lambda draft: -draft.confidence)
    return DraftingResult(highlight, tuple(drafts))


class ScoredSentence(Value):
    """A sentence with the probability that the user keeps a card made from it."""

    excerpt: Excerpt
    language: str
    features: Features
    confidence: float
    """The confidence in a card with an average gap."""


def score_sentences(highlight: Highlight) -> Iterator[ScoredSentence | RejectionReason]:
    """Yield each sentence of a highlight with its score, or the reason why it gets no card.

    If the whole highlight is unsuitable, e.g. because it's a heading, only one reason is yielded.
    """
    if _HEADING_COMMENT.match(highlight.comment):
        yield RejectionReason.HEADING
        return
    term = "" if highlight.sentence else get_highlighted_term(highlight)
    if highlight.line_syntax == LOOKED_UP_WORD:
        yield RejectionReason.LOOKED_UP
        return
    if _ONE_WORD.fullmatch(term):  # a term has no full stop
        yield RejectionReason.SINGLE_WORD
        return
    language = detect_language(
        highlight.exact, highlight.surrounding_text, highlight.context
    )
    tables = load_language(language)
    for excerpt in make_excerpts(highlight, tables):
        words = tokenize(excerpt.text, tables)
        cues = tables.cues.find_cues([token.folded for token in words])
        reason: RejectionReason | None = RejectionReason.CUT_OFF
        if not excerpt.is_truncated:
            reason = find_rejection(
                excerpt.text, words, cues, tables, is_note=excerpt.is_markdown
            )
        if reason is RejectionReason.CUT_OFF and term:
            reason = RejectionReason.SINGLE_WORD
        if reason is not None:
            yield reason
            continue
        features = extract_sentence_features(excerpt.text, words, cues, tables)
        yield ScoredSentence(excerpt, language, features, estimate_confidence(features))


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
    for span, score in _find_gaps(highlight, sentence):
        confidence = estimate_confidence(sentence.features, score)
        if not drafts and confidence < min_confidence:
            return RejectionReason.UNCERTAIN
        draft = _draft_gap(highlight, sentence.excerpt, span)
        if find_blockers is None or not find_blockers(draft, highlight):
            drafts.append(replace(draft, confidence=confidence))
        if len(drafts) == MAX_GAPS:
            break
    if not drafts:
        return RejectionReason.NO_GAP
    return replace(drafts[0], gaps=tuple(draft.get_field("Text") for draft in drafts))


def _find_gaps(
    highlight: Highlight, sentence: ScoredSentence
) -> Iterable[tuple[Span, float]]:
    """Return (span, score) for the best gaps of a sentence, best first.

    A gap that the reader chose, or that is the term of a definition, has a fixed score.
    """
    excerpt = sentence.excerpt
    label = _LABEL.match(excerpt.text)
    if label and is_lead_in(label[0]):
        return ()
    tables = load_language(sentence.language)
    ranker = GapRanker(
        excerpt.text, tables, excerpt.gap_range, find_visible_stems(highlight, tables)
    )
    chosen = excerpt.chosen_gap and ranker.find_complete_run(excerpt.chosen_gap)
    if chosen:
        return [(ranker.get_span(chosen), MAX_GAP_SCORE)]
    best_gaps = islice(rank_gaps(ranker), _MAX_GAPS_TRIED)
    if term := ranker.find_defined_term():
        span = ranker.get_span(ranker.extend_to_gloss(term))
        is_in_export = highlight.source_kind is SourceKind.OTHER
        score = MAX_GAP_SCORE if is_in_export else _TERM_SCORE_IN_NOTES
        others = (gap for gap in best_gaps if not is_same_gap(gap[0], span))
        return chain([(span, score)], others)
    if not label or any(is_verb(word, tables) for word in tokenize(label[0], tables)):
        return best_gaps
    # the best gap must be in the label
    gaps = sorted(best_gaps, key=lambda gap: gap[0][1] > label.end())
    return () if not gaps or gaps[0][0][1] > label.end() else gaps


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
    markdown = excerpt.quote or excerpt.text
    if not excerpt.is_markdown:
        return markdown
    plain_text = to_plain_text(markdown)
    if locate_text(plain_text, highlight.exact):
        return plain_text
    return highlight.exact if markdown == highlight.markdown[0].strip() else markdown
