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
from functools import cache
from string import ascii_lowercase

from msgspec.structs import replace

from ankiforge.language.detection import detect_language, detect_script_of_words
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


def get_highlighted_term(highlight: Highlight) -> str:
    """Return the word or short phrase that is highlighted, or "" if more text is highlighted."""
    if highlight.gaps:
        return ""
    term = highlight.exact.strip(
        " \t\n.,;:!?'\"“”„‘’«»()—–…。，、；：！？「」（）【】《》"
    )
    if "\n" in term or not _has_valid_length(term, _MAX_TERM_WORDS, _MAX_TERM_LETTERS):
        return ""
    return "" if _SENTENCE_END.search(term) else term


def mark_translated_words(highlights: Sequence[Highlight]) -> tuple[Highlight, ...]:
    """Mark each highlighted word whose comment is a translation as vocabulary.

    Its `line_syntax` is set to `WORD_AND_TRANSLATION`. If it has no `sentence`, one is copied from
    another highlight that contains the word.
    """
    notes = {
        index: highlight
        for index, highlight in enumerate(highlights)
        if _may_have_translation(highlight)
    }
    if not notes:
        return tuple(highlights)
    translated_indexes = _find_translations(notes, _detect_document_language(highlights))
    result = list(highlights)
    for index in translated_indexes:
        highlight = notes[index]
        term = get_highlighted_term(highlight)
        sentence = highlight.sentence
        # take an example from another highlight
        for other in highlights if not sentence else ():
            span = find_whole_words(term, other.exact)
            if span and len(other.exact) > len(term) and not get_highlighted_term(other):
                start, end = find_sentence_around(other.exact, *span)
                sentence = other.exact[start:end]
                break
        result[index] = replace(
            highlight, line_syntax=WORD_AND_TRANSLATION, sentence=sentence
        )
    return tuple(result)


def _may_have_translation(highlight: Highlight) -> bool:
    """Return whether a highlight is a word with a short comment that may be its translation.

    Questions, instructions, links and tags can't be translations.
    """
    note = highlight.comment.strip()
    if (
        not note
        or not highlight.comment_is_instruction
        or highlight.skip_reason
        or highlight.line_syntax
    ):
        return False
    if highlight.kind not in _MARK_KINDS or not get_highlighted_term(highlight):
        return False
    if _NOT_A_TRANSLATION.search(note) or find_question(note):
        return False
    senses = _split_senses(note)
    return (
        0 < len(senses) <= _MAX_SENSES
        and normalize_for_lookup(note) != normalize_for_lookup(highlight.exact)
        and all(map(_is_short_sense, senses))
    )


def _is_short_sense(sense: str) -> bool:
    return _has_valid_length(sense, _MAX_SENSE_WORDS, _MAX_SENSE_LETTERS)


def _find_translations(notes: dict[int, Highlight], document_language: str) -> list[int]:
    """Return the indexes of the highlights whose comments are translations.

    `notes` contains the candidates, keyed by index. Comments in an uncertain language count as
    translations if at least two comments are clearly in another language than the document, and at
    least twice as many as are in the document's own language.
    """
    words_of_note: defaultdict[str, set[str]] = defaultdict(set)
    for highlight in notes.values():
        note = normalize_for_lookup(highlight.comment)
        words_of_note[note].add(normalize_for_lookup(get_highlighted_term(highlight)))
    certain = []
    uncertain = []
    counts = Counter[str]()
    for index, highlight in notes.items():
        if (
            len(words_of_note[normalize_for_lookup(highlight.comment)])
            > _MAX_WORDS_PER_NOTE
        ):
            continue
        term = get_highlighted_term(highlight)
        note = highlight.comment
        # another script, or the kana reading of a Japanese word with ideographs
        scripts = detect_script_of_words(term), detect_script_of_words(note)
        is_reading = _KANA.fullmatch(note.strip(" []()（）「」【】")) is not None
        if (all(scripts) and scripts[0] != scripts[1]) or (
            is_reading and _IDEOGRAPH.search(term)
        ):
            certain.append(index)
            continue
        place = _classify_note(note, document_language)
        counts[place] += 1
        if place == "elsewhere":
            certain.append(index)
        elif place == "anywhere":
            uncertain.append(index)
    is_foreign = counts["elsewhere"] >= max(_MIN_CERTAIN_NOTES, 2 * counts["here"])
    return sorted(certain + uncertain) if is_foreign else certain


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
    if name or len(texts[0].split()) > _MAX_TERM_WORDS:
        return name if name in LANGUAGES else ""
    # there are only words, so choose the language whose tables contain most of them
    words = [word.casefold() for text in texts for word in _WORD.findall(text)]
    known_counts = Counter({name: _count_known_words(words, name) for name in LANGUAGES})
    (best, most), (_, next_most) = known_counts.most_common(2)
    return best if most > next_most and most >= _MIN_KNOWN_FRACTION * len(words) else ""


def _classify_note(note: str, document_language: str) -> str:
    """Compare the language of a note with the language of its document.

    Returns `here` (the same language), `elsewhere` (another language) or `anywhere` (uncertain).
    """
    if not document_language:
        return "anywhere"
    words = [word.casefold() for word in _WORD.findall(" ".join(_split_senses(note)))]
    if not _collect_letters(document_language).issuperset("".join(words)):
        return "elsewhere"
    known_here = _count_known_words(words, document_language)
    if known_here == len(words):
        return "here"
    others = [name for name in LANGUAGES if name != document_language]
    known_there = max(_count_known_words(words, name) for name in others)
    if not known_here and 2 * known_there >= len(words):
        return "elsewhere"
    return "here" if known_here > known_there else "anywhere"


def _count_known_words(words: Iterable[str], name: str) -> int:
    tables = load_language(name)
    return sum(word in tables.known_words for word in words)


@cache
def _collect_letters(name: str) -> frozenset[str]:
    """Collect the letters with which a language is written, plus A to Z.

    Letters that only occur in a few loanwords are left out.
    """
    tables = load_language(name)
    counts = Counter(letter for word in tables.known_words for letter in set(word))
    min_count = _MIN_LETTER_FRACTION * len(tables.known_words)
    own_letters = {letter for letter, count in counts.items() if count > min_count}
    return frozenset(own_letters.union(ascii_lowercase, "'’-", *tables.function_words))
