"""Vocabulary: marked words beside which a reader wrote their translation.

Whoever reads in a second language marks a word and notes what it means. That a note is a
translation shows in its script, or in its language: for those with the same script it takes a
letter that the language of the document does not use, or words that only the tables of another
language have. A note that stands at several different words is a tag, and none.

It is decided for a document as a whole: one note in Latin letters may be a name or a tag, but
beside notes that surely are in another language it is a translation, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from string import ascii_lowercase

from msgspec.structs import replace

from ankiforge.language.detection import language_of, script_of_words
from ankiforge.language.lexicon import LANGUAGES, language
from ankiforge.model import WORD_AND_TRANSLATION, Highlight, HighlightKind
from ankiforge.text import regex
from ankiforge.text.asking import question_in
from ankiforge.text.fold import UNSPACED, for_finding, locate_words
from ankiforge.text.sentences import sentence_around

# A term has at most so many words, or letters of a script without blanks; a translation has
# several senses, each of which may be a little longer.
_TERM_WORDS = 4
_TERM_LETTERS = 8
_SENSES = 8
_SENSE_WORDS = 5
_SENSE_LETTERS = 12
# A note that stands at more different words of a document is a tag.
_WORDS_OF_A_NOTE = 2
# The notes in another language by which one that may be is taken for one, too.
_SURE_NOTES = 2
# The share of a language's words from which a letter is one of its own.
_OWN_LETTER = 0.0005
# The marks of a document by which its language is told; of words alone, the share that the tables
# of the language have.
_TEXTS_READ = 20
_KNOWN_WORDS = 1 / 3

_MARKS = (HighlightKind.HIGHLIGHT, HighlightKind.UNDERLINE)
_WORD = regex(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_UNSPACED = regex(rf"[{UNSPACED}]")
_ENDS = regex(r"[.!?。！？…]\s*\S|[.!?。！？]\s*\Z")
_SEPARATORS = regex(r"\s*(?:[;；,，、/·|\n]|(?<=\w)\.(?=\s)|\b\d[.)]\s)\s*")
# The sound and the class of a word: `[ˈrɒbʌst]`, `/rəʊˈbʌst/`, `(adj.)`, `adj.`
_SOUND = regex(
    r"\[[^\]\n]{1,40}\]|(?<!\S)/[^/\s]{1,40}/(?!\S)|[(（][^()（）\n]{1,40}[)）]"
    r"|(?<!\S)[a-z]{1,4}\.(?=\s)"
)
_NO_NOTE = regex(r"(?i)[#@=<>{}\\?？]|https?://|\d{2}|\A\s*c:")
_KANA = regex(r"[\u3040-\u30ffー・\s]+")
_IDEOGRAPH = regex(r"[\u3400-\u9fff]")


def term_of(highlight: Highlight) -> str:
    """Return the word or short phrase that is marked; "" if more is, or a whole sentence."""
    if highlight.gaps:
        return ""
    term = highlight.exact.strip(
        " \t\n.,;:!?'\"“”„‘’«»()—–…。，、；：！？「」（）【】《》"
    )
    if "\n" in term or not _fits(term, _TERM_WORDS, _TERM_LETTERS):
        return ""
    return "" if _ENDS.search(term) else term


def with_translations(highlights: Sequence[Highlight]) -> tuple[Highlight, ...]:
    """Return the highlights of a document, with those declared that have their translation.

    They get the sentence of another mark that has the word, if their own is not known.
    """
    notes = {
        place: highlight
        for place, highlight in enumerate(highlights)
        if _may_be_translated(highlight)
    }
    if not notes:
        return tuple(highlights)
    translated = _translated(notes, _language_of_document(highlights))
    declared = list(highlights)
    for place in translated:
        highlight = notes[place]
        sentence = highlight.sentence
        if not sentence:
            sentence = _sentence_elsewhere(highlight, highlights)
        declared[place] = replace(
            highlight, written=WORD_AND_TRANSLATION, sentence=sentence
        )
    return tuple(declared)


def _may_be_translated(highlight: Highlight) -> bool:
    """Return whether a short note stands at a marked word, and asks or commands nothing."""
    note = highlight.comment.strip()
    if not note or not highlight.instructs or highlight.skip or highlight.written:
        return False
    if highlight.kind not in _MARKS or not term_of(highlight):
        return False
    if _NO_NOTE.search(note) or question_in(note):
        return False
    senses = _senses(note)
    return (
        0 < len(senses) <= _SENSES
        and for_finding(note) != for_finding(highlight.exact)
        and all(_fits(sense, _SENSE_WORDS, _SENSE_LETTERS) for sense in senses)
    )


def _translated(notes: dict[int, Highlight], of_document: str) -> list[int]:
    """Return the places of the notes that are translations."""
    words_of_note: defaultdict[str, set[str]] = defaultdict(set)
    for highlight in notes.values():
        note = for_finding(highlight.comment)
        words_of_note[note].add(for_finding(term_of(highlight)))
    translated = []
    perhaps = []
    counts = Counter[str]()
    for place, highlight in notes.items():
        if len(words_of_note[for_finding(highlight.comment)]) > _WORDS_OF_A_NOTE:
            continue
        term = term_of(highlight)
        note = highlight.comment
        if _is_other_script(term, note) or _is_reading(term, note):
            translated.append(place)
            continue
        belongs = _belongs(note, of_document)
        counts[belongs] += 1
        if belongs == "elsewhere":
            translated.append(place)
        elif belongs == "anywhere":
            perhaps.append(place)
    is_other = counts["elsewhere"] >= max(_SURE_NOTES, 2 * counts["here"])
    return sorted(translated + perhaps) if is_other else translated


def _senses(note: str) -> list[str]:
    """Return the senses of a note, without the sound of the word."""
    plain = _SOUND.sub(" ", note)
    return [sense for sense in _SEPARATORS.split(plain) if _WORD.search(sense)]


def _fits(text: str, most_words: int, most_letters: int) -> bool:
    """Return whether a text has at least two letters, or one ideograph, and not too many."""
    unspaced = len(_UNSPACED.findall(text))
    letters = sum(map(str.isalpha, text))
    if letters < 2 and not unspaced:
        return False
    return len(text.split()) <= most_words and unspaced <= most_letters


def _is_other_script(term: str, note: str) -> bool:
    """Return whether the letters of word and note are of different scripts."""
    scripts = script_of_words(term), script_of_words(note)
    return all(scripts) and scripts[0] != scripts[1]


def _is_reading(term: str, note: str) -> bool:
    """Return whether a note in kana says how a word with ideographs is read."""
    plain = note.strip(" []()（）「」【】")
    return bool(_IDEOGRAPH.search(term) and _KANA.fullmatch(plain))


# --- in one script ----------------------------------------------------------------------


def _language_of_document(highlights: Iterable[Highlight]) -> str:
    """Return the language of the marked words; "" if it has no tables."""
    texts = [highlight.sentence or highlight.exact for highlight in highlights]
    texts.sort(key=len, reverse=True)
    name = language_of(" ".join(texts[:_TEXTS_READ]))
    if name or len(texts[0].split()) > _TERM_WORDS:
        return name if name in LANGUAGES else ""
    # words alone: the language that knows most of them
    words = [word.casefold() for text in texts for word in _WORD.findall(text)]
    known = Counter({name: _known(words, name) for name in LANGUAGES})
    (best, most), (_, next_most) = known.most_common(2)
    return best if most > next_most and most >= _KNOWN_WORDS * len(words) else ""


def _belongs(note: str, of_document: str) -> str:
    """Return where the words of a note are at home: `here`, `elsewhere`, or `anywhere`."""
    if not of_document:
        return "anywhere"
    words = [word.casefold() for word in _WORD.findall(" ".join(_senses(note)))]
    if not _letters_of(of_document).issuperset("".join(words)):
        return "elsewhere"
    known_here = _known(words, of_document)
    if known_here == len(words):
        return "here"
    others = [name for name in LANGUAGES if name != of_document]
    known_there = max(_known(words, name) for name in others)
    if not known_here and 2 * known_there >= len(words):
        return "elsewhere"
    return "here" if known_here > known_there else "anywhere"


def _known(words: Iterable[str], name: str) -> int:
    """Count the words that the tables of a language have."""
    tables = language(name)
    return sum(word in tables.words for word in words)


@cache
def _letters_of(name: str) -> frozenset[str]:
    """Return the letters of a language: A to Z, and those that are not of borrowed words."""
    tables = language(name)
    counts = Counter(letter for word in tables.words for letter in set(word))
    least = _OWN_LETTER * len(tables.words)
    own = {letter for letter, count in counts.items() if count > least}
    return frozenset(own.union(ascii_lowercase, "'’-", *tables.small))


# --- the sentence of a word ---------------------------------------------------------------


def _sentence_elsewhere(highlight: Highlight, others: Iterable[Highlight]) -> str:
    """Return the sentence of another mark of the document that has the word; "" if none has."""
    term = term_of(highlight)
    for other in others:
        if len(other.exact) > len(term) and not term_of(other):
            span = locate_words(term, other.exact)
            if span:
                start, end = sentence_around(other.exact, *span)
                return other.exact[start:end]
    return ""
