"""Find cards that duplicate a draft.

`DuplicateIndex` finds candidates by the rarest words of the draft, and ranks them by the
number of content words in common. No score distinguishes a paraphrase from a pair such as
“L1” and “L2”, or “2017” and “2018”, so `are_duplicates` then looks for certain kinds of
differences. Exact duplicates, with the same plain text on both sides, are merged by the
caller. Any other duplicate becomes a finding that names the existing card. Cards from the
same highlight are never compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Protocol

from ankiforge.check.rules_and_text import (
    GAP_PLACEHOLDER,
    CheckContext,
    make_finding,
    parse_fields,
    strip_markup,
)
from ankiforge.language.lexicon import WordSet, read_word_set
from ankiforge.language.normalization import (
    iter_content_stems,
    iter_ideograph_pairs,
    normalize_phrases,
    normalize_words,
    split_words,
)
from ankiforge.language.quantities import DIGIT_NUMBER
from ankiforge.language.words import (
    NEGATIONS,
    TERM_PATTERN,
    load_opposites,
    load_synonyms,
    stem_word,
)
from ankiforge.model import (
    NO_KEY,
    CardContent,
    CardKind,
    Fields,
    Finding,
    HighlightKey,
    IndexedCard,
    NoteType,
    SearchTerms,
    Strings,
    Texts,
    Value,
)
from ankiforge.text import cloze, regex, to_one_line, truncate
from ankiforge.text.normalize import normalize_for_comparison, split_at_literal_spans

MAX_COMPARED_CHARS = 2000
"""Only this many characters of each field are compared. Useful cards aren't longer."""
_SHIELD_CHARS = regex(r"[`$\\]")


class ComparedSides(Value, gc=False):
    """The plain text of a card's question and answer, for comparison with other cards."""

    note_type: NoteType
    question: str
    answer: str
    cloze_text: str | None = None
    """The text of a cloze card with its answers filled in, or None for other cards."""

    @property
    def full_text(self) -> str:
        """The question and answer, or a cloze card's text with its answers filled in."""
        return self.cloze_text or f"{self.question} {self.answer}"

    @property
    def display_text(self) -> str:
        """The text by which the user recognizes the card."""
        return self.cloze_text or self.question


def extract_sides(card: CardContent) -> ComparedSides:
    """Extract the plain text of a card's question and answer."""
    return _extract_sides(card.note_type, card.fields)


def _extract_sides(note_type: NoteType, fields: Fields) -> ComparedSides:
    shortened = tuple((name, text[:MAX_COMPARED_CHARS]) for name, text in fields)
    reading = parse_fields(note_type, shortened)
    question = reading.question.replace(GAP_PLACEHOLDER, " ")
    answer = " ".join(reading.answers)
    if note_type is NoteType.BASIC:
        return ComparedSides(note_type, question, answer)
    return ComparedSides(note_type, question, answer, cloze_text=reading.full_text)


# --- identical cards ------------------------------------------------------------------


def _compute_comparison_key(kind: CardKind, fields: Texts) -> Strings | None:
    """Return a key that is equal for identical cards, or None if one side of the card is empty.

    Differences in typography, emphasis, and a final period or question mark are ignored. The
    Extra field is part of the key, and so are the numbers of cloze deletions.
    """
    extra = _normalize(fields.get("Extra", ""))
    if kind.note_type is NoteType.CLOZE:
        text = _normalize(_renumber_gaps(fields.get("Text", "")))
        if not text:
            return None
        return "cloze", text, extra
    front = _normalize(fields.get("Front", ""))
    back = _normalize(fields.get("Back", ""))
    if not front or not back:
        return None
    return kind.value, front, back, extra


def _renumber_gaps(text: str) -> str:
    """Replace the markup of gaps with brackets, numbered in the order in which they appear."""
    ranks: dict[tuple[int, ...], int] = {}
    parts = []
    last_end = 0
    for gap in cloze.find_clozes(text):
        rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
        parts.append(f"{text[last_end : gap.start]}⟦{rank}⟧")
        last_end = gap.answer_start
    return "".join((*parts, text[last_end:]))


def _normalize(text: str) -> str:
    """Normalize text for comparison, except formulas and code, which are case-sensitive.

    Final periods and question marks are dropped, unless the text has nothing else.
    """
    if _SHIELD_CHARS.search(text):
        parts = []
        for words, literal, _ in split_at_literal_spans(text):
            parts += [normalize_for_comparison(strip_markup(words)), literal]
        text = " ".join(parts).strip()
    else:
        text = normalize_for_comparison(strip_markup(text))
    return text.rstrip(".? \t\n\u00a0") or text


# === differences ======================================================================

# --- the features of a card -----------------------------------------------------------

_CAPITALISED_WORD = regex(r"(?<=[\w,;] )[A-Z][^\W\d_]{2,}\b")
_LABEL = regex(r"(?<=\w )[A-Z](?![\w'’.])")
_CONTRACTED_NOT = regex(r"n['’]t\b")
_NEGATION_WORDS = NEGATIONS | read_word_set("meaning", "missing")


class CardFeatures(Value):
    """Features of a card that `are_duplicates` compares."""

    note_type: NoteType
    question: str
    full_text: str
    """The question with its answer, normalized like `question`."""
    terms: WordSet
    """Acronyms, names with digits or inner capitals, and capitalised words within a sentence."""
    labels: WordSet
    """Single capital letters in the question, as in “vitamin A” and “plan B”."""
    is_negated: bool
    """Whether the question and answer together contain an odd number of negations."""
    question_stems: Strings
    """The stems of the question's content words, in order."""
    tokens: WordSet
    stems: WordSet
    """The stems of all content words."""
    answer_stems: WordSet
    """The stems of the answer's content words, or the normalized answer if it has none."""
    numbers: WordSet


@lru_cache(maxsize=2048)
def extract_card_features(sides: ComparedSides) -> CardFeatures:
    """Extract the features that tell duplicates apart from cards that are merely similar."""
    question = normalize_phrases(sides.question)
    answer = normalize_phrases(sides.answer)
    full_text = normalize_phrases(sides.full_text)
    answer_stems = frozenset(iter_content_stems(answer))
    return CardFeatures(
        note_type=sides.note_type,
        question=question,
        full_text=full_text,
        terms=_find_terms(sides.full_text, full_text),
        labels=frozenset(_LABEL.findall(sides.question)),
        is_negated=_count_negations(f"{sides.question} {sides.answer}") % 2 == 1,
        question_stems=tuple(iter_content_stems(question)),
        tokens=frozenset(split_words(full_text)),
        stems=frozenset(iter_content_stems(full_text)),
        answer_stems=answer_stems or frozenset((answer,)),
        numbers=frozenset(DIGIT_NUMBER.findall(full_text)),
    )


def _find_terms(text: str, normalized_text: str) -> WordSet:
    """Return the acronyms, names and capitalised words of a text, as they are normalized.

    Acronyms that are written differently in normalized text, such as USA as us, are left out.
    """
    terms = set[str]()
    for pattern in (TERM_PATTERN, _CAPITALISED_WORD):
        terms.update(map(normalize_words, pattern.findall(text)))
    return frozenset(term for term in terms if term in normalized_text)


def _count_negations(text: str) -> int:
    words = split_words(text.casefold())
    negation_count = sum(word in _NEGATION_WORDS for word in words)
    return negation_count + len(_CONTRACTED_NOT.findall(text))


# --- the differences ------------------------------------------------------------------


# Two questions differ in one place if at least this many words around it are equal, and at most
# this many words are replaced.
_MIN_EQUAL_WORDS = 2
_MAX_REPLACED_WORDS = 2


def are_duplicates(card: ComparedSides, other: ComparedSides) -> bool:
    """Return whether two cards ask the same thing.

    They don't if they differ in a known way, such as a negation, a number or an opposite, or if
    their answers share fewer than half of the words of the shorter answer.
    """
    mine = extract_card_features(card)
    theirs = extract_card_features(other)
    if mine.is_negated != theirs.is_negated:
        return False
    if any(differ(mine, theirs) for differ in _DIFFERENCES):
        return False
    fewer_words = min(len(mine.answer_stems), len(theirs.answer_stems))
    matched_words = [
        word for word in mine.answer_stems if not _has_no_match(word, theirs.answer_stems)
    ]
    return len(matched_words) >= fewer_words / 2


def _lack_content_words(card: CardFeatures, other: CardFeatures) -> bool:
    """Return whether two questions differ and at least one has no content words, like `What?`."""
    if {card.note_type, other.note_type} != {NoteType.BASIC}:
        return False
    if card.question == other.question:
        return False
    return min(len(card.question_stems), len(other.question_stems)) == 0


def _differ_in_numbers(card: CardFeatures, other: CardFeatures) -> bool:
    """Return whether each card has a number or label that the other lacks.

    Examples are 2017 and 2018, first and second, hepatitis A and hepatitis B.
    """
    if _have_each_their_own(card.numbers, other.numbers):
        return True
    if _have_each_their_own(card.labels, other.labels):
        return True
    # two numbers may be in both cards, but not both as the answer
    my_answer = frozenset(filter(str.isdigit, card.answer_stems))
    their_answer = frozenset(filter(str.isdigit, other.answer_stems))
    return _have_each_their_own(my_answer, their_answer)


def _have_each_their_own(mine: WordSet, theirs: WordSet) -> bool:
    return not mine <= theirs and not theirs <= mine


def _differ_in_terms(card: CardFeatures, other: CardFeatures) -> bool:
    """Return whether each card has a term that the other lacks, such as L1 and L2."""
    return _has_unshared_term(card, other) and _has_unshared_term(other, card)


def _differ_in_opposites(card: CardFeatures, other: CardFeatures) -> bool:
    """Return whether a word in one card is the opposite of a word in the other, e.g. `larger`."""
    counterparts = _find_unmatched_words(other.tokens, card.tokens)
    return any(
        _are_opposed(word, counterpart)
        for word in _find_unmatched_words(card.tokens, other.tokens)
        for counterpart in counterparts
    )


def _differ_in_one_place(card: CardFeatures, other: CardFeatures) -> bool:
    """Return whether two questions are equal except for one or two consecutive words.

    For example, `cause of the first crisis` and `cause of the second crisis` differ in one place.
    Words that are synonyms of each other count as equal.
    """
    mine, theirs = card.question_stems, other.question_stems
    beginning = _count_common_words(mine, theirs)
    my_rest, their_rest = mine[beginning:], theirs[beginning:]
    ending = _count_common_words(my_rest[::-1], their_rest[::-1])
    if beginning + ending < _MIN_EQUAL_WORDS:
        return False
    my_words = my_rest[: len(my_rest) - ending]
    their_words = their_rest[: len(their_rest) - ending]
    fewer_words, more_words = sorted((my_words, their_words), key=len)
    if len(more_words) > _MAX_REPLACED_WORDS:
        return False
    return any(_has_no_match(word, set(more_words)) for word in fewer_words)


def _count_common_words(words: Strings, others: Strings) -> int:
    """Count the words with which both texts begin."""
    count = 0
    for word, other in zip(words, others, strict=False):
        if word != other:
            break
        count += 1
    return count


_DIFFERENCES = (
    _lack_content_words,
    _differ_in_numbers,
    _differ_in_terms,
    _differ_in_opposites,
    _differ_in_one_place,
)
"""The differences in meaning that keep two cards from being duplicates, the cheapest first."""


def _find_unmatched_words(words: WordSet, others: WordSet) -> list[str]:
    other_stems = frozenset(map(stem_word, others - words))
    return [
        word for word in words - others if _has_no_match(stem_word(word), other_stems)
    ]


def _has_no_match(stem: str, other_words: AbstractSet[str]) -> bool:
    stem_and_synonyms = {stem, *load_synonyms().get(stem, ())}
    return other_words.isdisjoint(stem_and_synonyms)


def _are_opposed(word: str, counterpart: str) -> bool:
    return stem_word(counterpart) in load_opposites().get(stem_word(word), ())


def _has_unshared_term(card: CardFeatures, other: CardFeatures) -> bool:
    for term in card.terms - other.terms:
        if term in other.tokens or stem_word(term) in other.stems:
            continue
        if f" {term} " not in f" {other.full_text} ":
            return True
    return False


# === duplicates =======================================================================


def check_duplicates(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report cards from other highlights that ask the same thing."""
    yield from context.other_cards.find_duplicates(draft, context.highlight.key)


# --- search terms ---------------------------------------------------------------------

TERMS_VERSION = "6"
"""Change this whenever `compute_search_terms` changes, so that stored terms are recomputed."""


def compute_search_terms(draft: CardContent) -> SearchTerms:
    """Compute the words and hashes by which the duplicate search finds a card."""
    return _extract_sides_and_terms(draft.kind, draft.fields)[1]


@lru_cache(maxsize=1024)  # a batch of drafts is first checked, then recorded
def _extract_sides_and_terms(
    kind: CardKind, fields: Fields
) -> tuple[ComparedSides, SearchTerms]:
    sides = _extract_sides(kind.note_type, fields)
    text = normalize_phrases(sides.full_text)
    ideograph_pairs: Strings = ()
    if not text.isascii():
        ideograph_pairs = tuple(dict.fromkeys(iter_ideograph_pairs(text)))
    terms = SearchTerms(
        words=tuple(dict.fromkeys(iter_content_stems(text))),
        ideograph_pairs=ideograph_pairs,
        text_hash=_hash_values(_compute_comparison_key(kind, dict(fields))),
        question_hash=_hash_values(_compute_question_key(sides, dict(fields))),
    )
    return sides, terms


def _compute_question_key(sides: ComparedSides, fields: Texts) -> Strings | None:
    """Return a key that is equal for cards with the same front, or None without an answer."""
    if sides.note_type is not NoteType.BASIC:
        return None
    if not sides.answer:
        return None
    front = normalize_for_comparison(fields.get("Front", ""))
    if not front:
        return None
    return (front,)


def _hash_values(values: Strings | None) -> bytes:
    """Hash a key, or return b"" if there is none."""
    if values is None:
        return b""
    encoded = "\x1f".join(values).encode("utf-8", "surrogatepass")
    return blake2b(encoded, digest_size=16).digest()


# --- the index ------------------------------------------------------------------------

# These thresholds were chosen by measurements on labelled pairs of cards.
_MIN_JACCARD = 0.50
_MIN_CONTAINMENT = 0.70
# A card with fewer content words isn't reported for being contained in another, because the two
# words of `die Lampe`, for example, occur in many sentences.
_MIN_CONTAINED_WORDS = 3
# Cards are found by this many of their rarest words. A fourth word would find only one more
# duplicate in 200.
_RAREST_WORDS = 3
# A word is rare if it occurs in at most this many cards.
_MAX_RARE_CARDS = 100
# If a draft has no rare word, its rarest word is used if it occurs in at most this many cards.
_MAX_POSTING_CARDS = 500
# Only this many of the most similar cards are compared in full, because in a long list of cards
# with the same pattern all cards are similar.
_MAX_COMPARED = 30
# The maximum number of findings for a card.
_MAX_FINDINGS = 5


def _make_duplicate_finding(id: str, sides: ComparedSides, prefix: str) -> Finding:
    shown_text = truncate(to_one_line(sides.display_text), 80)
    return make_finding("duplicate", f"{prefix}“{shown_text}”", duplicate=id)


def _make_same_front_finding(id: str, sides: ComparedSides) -> Finding:
    return make_finding("same_front", f"“{sides.answer[:60]}”", duplicate=id)


def _differ_in_answer(card: ComparedSides, other: ComparedSides) -> bool:
    # a vault may have hundreds of equal cards, for which this costs less than a comparison
    if normalize_phrases(card.answer) == normalize_phrases(other.answer):
        return False
    return not are_duplicates(card, other)


def recheck_finding(
    draft: CardContent, finding: Finding, other: CardContent | None
) -> Finding | None:
    """Recheck whether a draft still duplicates the card that a finding names.

    Args:
        draft: The draft with the finding.
        finding: The finding, created by `DuplicateIndex`.
        other: The current version of the card, or None if the card is no longer in use.

    Returns:
        The finding, updated for the current version, or None if it no longer applies.
    """
    if other is None:
        return None
    draft_sides, other_sides = extract_sides(draft), extract_sides(other)
    if finding.check == "duplicate":
        return finding if are_duplicates(draft_sides, other_sides) else None
    question = normalize_for_comparison(draft.get_field("Front"))
    if question != normalize_for_comparison(other.get_field("Front")):
        return None
    if not _differ_in_answer(draft_sides, other_sides):
        return None
    return _make_same_front_finding(finding.duplicate, other_sides)


class DuplicateStore(Protocol):
    """The stored cards and their search terms, e.g. in the database of a workspace."""

    def iter_cards_without_terms(self, version: str) -> Iterable[tuple[str, CardContent]]:
        """Yield (digest, content) for each card without search terms of this version."""
        ...

    def store_terms(self, terms: Sequence[tuple[str, SearchTerms]]) -> None:
        """Store the search terms of cards from `iter_cards_without_terms`, by digest."""
        ...

    def iter_cards(self) -> Iterable[IndexedCard]:
        """Yield all cards with their search terms."""
        ...

    def get_content(self, id: str) -> CardContent | None:
        """Return a card's content, or None if the card no longer exists."""
        ...


class DuplicateIndex:
    """An index for finding the cards and drafts that a new draft may duplicate.

    It holds the cards in `store`, which are loaded on the first search, and all cards that were
    passed to `add`.
    """

    def __init__(self, store: DuplicateStore | None = None) -> None:
        self._store = store
        self._is_loaded = False
        self._cards: dict[str, IndexedCard] = {}
        self._sides_by_id: dict[str, ComparedSides] = {}
        # The cards that contain each word, or ask the question with each hash.
        self._ids_by_term: dict[str | bytes, list[str]] = defaultdict(list)

    def add(self, id: str, highlight: HighlightKey, draft: CardContent) -> None:
        """Add a card to the index, or replace an earlier version of it.

        Args:
            id: The GUID of the card's note, or the id of the draft. Findings name the card by it.
            highlight: The key of the highlight that the card was made from, or "" if unknown.
            draft: The card's content.
        """
        card_sides, terms = _extract_sides_and_terms(draft.kind, draft.fields)
        self._sides_by_id[id] = card_sides
        self._add_card(IndexedCard(id, highlight, "", terms))

    def _add_card(self, card: IndexedCard) -> None:
        self._cards[card.id] = card
        terms = card.terms
        for term in (*terms.words, *terms.ideograph_pairs):
            self._ids_by_term[term].append(card.id)
        if terms.question_hash:
            self._ids_by_term[terms.question_hash].append(card.id)

    def _iter_other_cards(
        self, ids: Iterable[str], highlight: HighlightKey
    ) -> Iterator[IndexedCard]:
        """Yield the cards with these ids that aren't from `highlight`."""
        for id in dict.fromkeys(ids):
            card = self._cards[id]
            if not _is_from_highlight(card, highlight):
                yield card

    # --- findings ---------------------------------------------------------------------

    def find_duplicates(
        self, draft: CardContent, highlight: HighlightKey
    ) -> Iterator[Finding]:
        """Yield a finding for each duplicate of a draft, the most similar first.

        If another card asks the same question but has a different answer, a finding about it
        comes last. Cards made from `highlight`, like the draft itself, are never reported.
        """
        self._load_store()
        my_sides, terms = _extract_sides_and_terms(draft.kind, draft.fields)
        finding_count = 0
        for card in self._find_similar(terms, highlight):
            other_sides = self._get_sides(card.id)
            if are_duplicates(my_sides, other_sides):
                yield _make_duplicate_finding(card.id, other_sides, card.quote_prefix)
                finding_count += 1
                if finding_count == _MAX_FINDINGS:
                    break
        yield from self._find_same_question(terms, my_sides, highlight)

    def _find_same_question(
        self, terms: SearchTerms, my_sides: ComparedSides, highlight: HighlightKey
    ) -> Iterator[Finding]:
        """Yield a finding for the first card of ours with the same question and another answer."""
        same_question = self._ids_by_term.get(terms.question_hash, ())
        for card in self._iter_other_cards(same_question, highlight):
            if card.terms.question_hash != terms.question_hash:
                continue  # its text has changed
            if card.quote_prefix:
                continue  # it is another tool's note
            other_sides = self._get_sides(card.id)
            if not other_sides.answer:
                continue  # it was deleted meanwhile
            if _differ_in_answer(my_sides, other_sides):
                yield _make_same_front_finding(card.id, other_sides)
                return

    def _load_store(self) -> None:
        if self._store is None or self._is_loaded:
            return
        self._is_loaded = True
        terms_by_digest = []
        for digest, card in self._store.iter_cards_without_terms(TERMS_VERSION):
            terms_by_digest.append((digest, compute_search_terms(card)))
        self._store.store_terms(terms_by_digest)
        for indexed_card in self._store.iter_cards():
            self._add_card(indexed_card)

    def _get_sides(self, id: str) -> ComparedSides:
        if id not in self._sides_by_id:
            card = self._store.get_content(id) if self._store else None
            if card is None:  # it has been deleted
                self._sides_by_id[id] = _extract_sides(NoteType.CLOZE, ())
            else:
                self._sides_by_id[id] = extract_sides(card)
        return self._sides_by_id[id]

    def _find_similar(
        self, terms: SearchTerms, highlight: HighlightKey
    ) -> list[IndexedCard]:
        """Return the cards that share most of their words with a draft, most similar first.

        The similarity is the Jaccard index: the number of words in both texts, divided by the
        number of words in either. A card with fewer words may also be contained in the other.
        """
        my_words = frozenset(terms.words)
        my_count = len(my_words)
        ranked = []
        for id in self._find_by_rarest_words(terms):
            card = self._cards[id]
            their_count = len(card.terms.words)
            shared_count = len(my_words.intersection(card.terms.words))
            # most candidates share a single word, so rule them out before anything else
            if 2 * shared_count < my_count and 2 * shared_count < their_count:
                continue
            if _is_from_highlight(card, highlight):
                continue
            jaccard = shared_count / max(my_count + their_count - shared_count, 1)
            fewer_words = min(my_count, their_count)
            if jaccard >= _MIN_JACCARD or _is_contained(shared_count, fewer_words):
                ranked.append((-jaccard, id))
        return [self._cards[id] for _, id in sorted(ranked)[:_MAX_COMPARED]]

    def _find_by_rarest_words(self, terms: SearchTerms) -> set[str]:
        """Return the ids of the cards that contain one of a draft's rarest words.

        Common words would find too many cards. If all words are common, only the rarest is used,
        unless even that is too common.
        """
        ids_by_word = []
        for term in (*terms.words, *terms.ideograph_pairs):
            if term in self._ids_by_term:
                ids_by_word.append(self._ids_by_term[term])
        rarest = sorted(ids_by_word, key=len)[:_RAREST_WORDS]
        rare = [ids for ids in rarest if len(ids) <= _MAX_RARE_CARDS]
        if rare:
            return set(chain.from_iterable(rare))
        if rarest and len(rarest[0]) <= _MAX_POSTING_CARDS:
            return set(rarest[0])
        return set()


def _is_from_highlight(card: IndexedCard, highlight: HighlightKey) -> bool:
    if card.highlight == NO_KEY:  # it is unknown
        return False
    return card.highlight == highlight


def _is_contained(shared_count: int, fewer_words: int) -> bool:
    """Return whether most words of the shorter card are in the longer one."""
    if fewer_words < _MIN_CONTAINED_WORDS:
        return False
    return shared_count >= _MIN_CONTAINMENT * fewer_words
