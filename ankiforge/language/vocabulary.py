"""Find words that the user highlighted and commented with a translation.

People who read in a second language highlight a word, and write its meaning in the comment
(called a *note* here). A note is a translation if it is in another script, has a letter that
the document's language doesn't use, or consists of words of other languages. A note that
several different words share is a tag. If the language of a note is uncertain, the other notes
in the document decide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum, auto
from functools import cache
from string import ascii_lowercase
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.language.detection import UNKNOWN, detect_language, detect_script_of_words
from ankiforge.language.lexicon import LANGUAGES, load_language
from ankiforge.model import WORD_AND_TRANSLATION, Highlight, HighlightKind
from ankiforge.text import regex
from ankiforge.text.comment_questions import find_question
from ankiforge.text.located import find_whole_words
from ankiforge.text.normalize import UNSPACED_SCRIPTS, normalize_for_lookup
from ankiforge.text.sentences import find_sentence_around

# The most words in a term, or letters if its script has no spaces. A translation may consist of
# several senses, each of which may be a little longer.
_MAX_TERM_WORDS = 4
_MAX_TERM_LETTERS = 8
_MAX_SENSES = 8
_MAX_SENSE_WORDS = 5
_MAX_SENSE_LETTERS = 12
# If the same note is on more different words of a document than this, it is a tag.
_MAX_WORDS_PER_NOTE = 2
# If at least this many notes are certainly in another language, uncertain notes count as
# translations, too.
_MIN_CERTAIN_NOTES = 2
# A letter belongs to a language if more than this fraction of the language's words contain it.
_MIN_LETTER_FRACTION = 0.0005
# The language of a document is detected from at most this many marks.
_MAX_TEXTS = 20
# If the marks are single words, the tables of the language must contain at least this fraction
# of them.
_MIN_KNOWN_FRACTION = 1 / 3

_SIGNS_AROUND_TERM = " \t\n.,;:!?'\"“”„‘’«»()—–…。，、；：！？「」（）【】《》"
_MARK_KINDS = (HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE)
_WORD = regex(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_UNSPACED = regex(rf"[{UNSPACED_SCRIPTS}]")
_SENTENCE_END = regex(r"[.!?。！？…]\s*\S|[.!?。！？]\s*\Z")
_SEPARATORS = regex(r"\s*(?:[;；,，、/·|\n]|(?<=\w)\.(?=\s)|\b\d[.)]\s)\s*")
# A pronunciation or word class, such as `[ˈrɒbʌst]`, `/rəʊˈbʌst/`, `(adj.)` or `adj.`
_PRONUNCIATION = regex(
    r"\[[^\]\n]{1,40}\]|(?<!\S)/[^/\s]{1,40}/(?!\S)|[(（][^()（）\n]{1,40}[)）]"
    r"|(?<!\S)[a-z]{1,4}\.(?=\s)"
)
_NOT_A_TRANSLATION = regex(r"(?i)[#@=<>{}\\?？]|https?://|\d{2}|\A\s*c:")
_KANA = regex(r"[\u3040-\u30ffー・\s]+")
_IDEOGRAPH = regex(r"[\u3400-\u9fff]")


def get_highlighted_term(highlight: Highlight) -> str | None:
    """Return the word or short phrase that is highlighted, or None if more text is highlighted."""
    if highlight.gaps:
        return None
    term = highlight.exact.strip(_SIGNS_AROUND_TERM)
    if not _has_valid_length(term, _MAX_TERM_WORDS, _MAX_TERM_LETTERS):
        return None
    if "\n" in term or _SENTENCE_END.search(term):
        return None
    return term


def mark_translated_words(highlights: Sequence[Highlight]) -> tuple[Highlight, ...]:
    """Mark each highlighted word whose comment is a translation as vocabulary.

    Its `line_syntax` is set to `WORD_AND_TRANSLATION`. If it has no `sentence`, one is copied from
    another highlight that contains the word.
    """
    notes = []
    for index, highlight in enumerate(highlights):
        term = get_highlighted_term(highlight)
        if term is not None and _may_be_translation(highlight):
            notes.append(_Note(index, term, highlight.comment))
    if not notes:
        return tuple(highlights)
    result = list(highlights)
    for note in _find_translations(notes, _detect_document_language(highlights)):
        highlight = highlights[note.position]
        if not highlight.sentence:
            example = _find_example(note.term, highlights)
            if example is not None:
                highlight = replace(highlight, sentence=example)
        result[note.position] = replace(highlight, line_syntax=WORD_AND_TRANSLATION)
    return tuple(result)


class _Note(NamedTuple):
    """A short comment on a highlighted word, which may be its translation."""

    position: int
    """The index of the highlight in its document."""
    term: str
    text: str


def _find_example(term: str, highlights: Iterable[Highlight]) -> str | None:
    """Return a highlighted sentence that contains a term, or None if there is none."""
    for highlight in highlights:
        if get_highlighted_term(highlight) is not None:
            continue
        if len(highlight.exact) <= len(term):
            continue
        span = find_whole_words(term, highlight.exact)
        if span is not None:
            start, end = find_sentence_around(highlight.exact, *span)
            return highlight.exact[start:end]
    return None


def _may_be_translation(highlight: Highlight) -> bool:
    """Return whether the comment on a word is so short that it may be the word's translation.

    Questions, instructions, links and tags can't be translations.
    """
    if not highlight.comment_is_instruction:
        return False
    if highlight.skip_reason is not None:
        return False
    if highlight.line_syntax or highlight.kind not in _MARK_KINDS:
        return False
    note = highlight.comment.strip()
    if _NOT_A_TRANSLATION.search(note):
        return False
    if find_question(note):
        return False
    if normalize_for_lookup(note) == normalize_for_lookup(highlight.exact):
        return False
    senses = _split_senses(note)
    if not 1 <= len(senses) <= _MAX_SENSES:
        return False
    return all(map(_is_short_sense, senses))


def _is_short_sense(sense: str) -> bool:
    return _has_valid_length(sense, _MAX_SENSE_WORDS, _MAX_SENSE_LETTERS)


class _NoteLanguage(Enum):
    """The language of a note, compared with that of its document."""

    SAME = auto()
    OTHER = auto()
    UNCERTAIN = auto()


def _find_translations(notes: Sequence[_Note], document_language: str) -> list[_Note]:
    """Return the notes that are translations, in order.

    Notes in an uncertain language count as translations if at least two notes are clearly in
    another language than the document, and at least twice as many as are in the document's own
    language.
    """
    tags = _find_tags(notes)
    certain = set()
    uncertain = set()
    counts = Counter[_NoteLanguage]()
    for note in notes:
        if normalize_for_lookup(note.text) in tags:
            continue
        if _is_in_other_script(note):
            certain.add(note)
            continue
        language = _classify_note(note.text, document_language)
        counts[language] += 1
        if language is _NoteLanguage.OTHER:
            certain.add(note)
        elif language is _NoteLanguage.UNCERTAIN:
            uncertain.add(note)
    min_other = max(_MIN_CERTAIN_NOTES, 2 * counts[_NoteLanguage.SAME])
    if counts[_NoteLanguage.OTHER] >= min_other:
        certain |= uncertain
    return [note for note in notes if note in certain]


def _find_tags(notes: Iterable[_Note]) -> set[str]:
    """Return the normalized texts that several different words have as their note."""
    terms_by_text = defaultdict[str, set[str]](set)
    for note in notes:
        terms = terms_by_text[normalize_for_lookup(note.text)]
        terms.add(normalize_for_lookup(note.term))
    return {
        text for text, terms in terms_by_text.items() if len(terms) > _MAX_WORDS_PER_NOTE
    }


def _is_in_other_script(note: _Note) -> bool:
    """Return whether a note is in another script than its word, or gives its reading in kana."""
    if _IDEOGRAPH.search(note.term):
        reading = note.text.strip(" []()（）「」【】")
        if _KANA.fullmatch(reading):
            return True
    script_of_term = detect_script_of_words(note.term)
    script_of_note = detect_script_of_words(note.text)
    if UNKNOWN in (script_of_term, script_of_note):
        return False
    return script_of_term != script_of_note


def _split_senses(note: str) -> list[str]:
    plain = _PRONUNCIATION.sub(" ", note)
    return [sense for sense in _SEPARATORS.split(plain) if _WORD.search(sense)]


def _has_valid_length(text: str, max_words: int, max_letters: int) -> bool:
    """Return whether a text is as long as a word or short phrase.

    It must have at least two letters, or one in a script without spaces. It may have at most
    `max_words` words, and at most `max_letters` letters in scripts without spaces.
    """
    unspaced = len(_UNSPACED.findall(text))
    letters = sum(map(str.isalpha, text))
    if letters < 2 and not unspaced:
        return False
    return len(text.split()) <= max_words and unspaced <= max_letters


# --- detection within one script --------------------------------------------------------


def _detect_document_language(highlights: Iterable[Highlight]) -> str:
    texts = [highlight.sentence or highlight.exact for highlight in highlights]
    texts.sort(key=len, reverse=True)
    name = detect_language(" ".join(texts[:_MAX_TEXTS]))
    if name in LANGUAGES:
        return name
    has_only_words = len(texts[0].split()) <= _MAX_TERM_WORDS
    if name == UNKNOWN and has_only_words:
        return _find_language_of_words(_split_words(" ".join(texts)))
    return UNKNOWN


def _find_language_of_words(words: Sequence[str]) -> str:
    """Return the language whose tables contain the most of some words, if it is clear."""
    known_counts = Counter[str]()
    for name in LANGUAGES:
        known_counts[name] = _count_known_words(words, name)
    (best, most), (_, next_most) = known_counts.most_common(2)
    if most == next_most or most < _MIN_KNOWN_FRACTION * len(words):
        return UNKNOWN
    return best


def _split_words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _classify_note(note: str, document_language: str) -> _NoteLanguage:
    """Compare the language of a note with the language of its document."""
    if document_language == UNKNOWN:
        return _NoteLanguage.UNCERTAIN
    words = _split_words(" ".join(_split_senses(note)))
    if not _collect_letters(document_language).issuperset("".join(words)):
        return _NoteLanguage.OTHER
    known_count = _count_known_words(words, document_language)
    if known_count == len(words):
        return _NoteLanguage.SAME
    other_counts = []
    for name in LANGUAGES:
        if name != document_language:
            other_counts.append(_count_known_words(words, name))
    known_elsewhere = max(other_counts)
    if known_count == 0 and 2 * known_elsewhere >= len(words):
        return _NoteLanguage.OTHER
    if known_count > known_elsewhere:
        return _NoteLanguage.SAME
    return _NoteLanguage.UNCERTAIN


def _count_known_words(words: Iterable[str], name: str) -> int:
    tables = load_language(name)
    return sum(word in tables.known_words for word in words)


@cache
def _collect_letters(name: str) -> frozenset[str]:
    """Collect the letters with which a language is written, plus A to Z.

    Letters that only occur in a few loanwords are left out.
    """
    tables = load_language(name)
    counts = Counter[str]()
    for word in tables.known_words:
        counts.update(set(word))
    min_count = _MIN_LETTER_FRACTION * len(tables.known_words)
    own_letters = {letter for letter, count in counts.items() if count > min_count}
    return frozenset(own_letters.union(ascii_lowercase, "'’-", *tables.function_words))
