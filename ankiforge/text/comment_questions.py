"""Find the question in a user's comment and separate it from the rest.

Comments are Markdown. A question begins at the start of a sentence or line and ends with a question
mark of any script. *Decorations* around a question are ignored: tags, emoji, list markers,
references, and marks that enclose the whole question.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ankiforge.model import Value
from ankiforge.text import has_letter_or_digit, regex, to_one_line
from ankiforge.text.normalize import normalize_for_comparison, split_at_literal_spans
from ankiforge.text.sentences import find_sentence_starts

REPLY_PREFIX = "↳ "
"""Precedes each line of another person's reply to a comment."""
MAX_ANSWER_WORDS = 12
"""The maximum number of words that may follow a question as its answer."""
_MAX_CHECKED_MARKS = 50
"""The maximum number of question marks to check in a comment."""
_MIN_SIMILARITY = 90
"""The similarity in per cent above which one text counts as a repetition of another."""
_MIN_QUESTION_WORDS = 3
"""The minimum number of words in a question for the front of a card. Anything shorter, such as
“why?”, is a remark.
"""


class CommentQuestion(Value):
    """A question found in a comment, with the text around it, all as Markdown."""

    text: str
    """The question, or several consecutive questions."""
    text_before: str = ""
    """The text before the question, without decorations."""
    text_after: str = ""
    """The text after the question, without decorations and answer label."""
    has_answer_label: bool = False
    """Whether the text after the question begins with an answer label, as in `A: …`."""
    is_single: bool = True

    @property
    def has_short_answer(self) -> bool:
        """Whether the text after the question is short enough to be its answer."""
        return 0 < _count_words(self.text_after) <= MAX_ANSWER_WORDS

    @property
    def is_whole_comment(self) -> bool:
        """Whether the comment is just one question, perhaps with a labelled answer."""
        if not self.is_single or self.text_before:
            return False
        return self.has_answer_label or not self.text_after


def _count_words(text: str) -> int:
    """Count words. In scripts without spaces, two letters count as one word."""
    unspaced_letters = _UNSPACED_LETTER.findall(text)
    words = _WORD.findall(_UNSPACED_LETTER.sub(" ", text))
    return len(words) + len(unspaced_letters) // 2


# --- patterns -------------------------------------------------------------------------

_QUESTION_MARKS = "?？؟⁇⁈⁉‽﹖⸮፧\u037e"
_CLOSING = r"(?:\s?[»›]|[\"'”’“)\]}」』】》）*_~=])*"
# A question mark with any further marks and closing characters after it, but not the exclamation
# mark that begins an image, `![`.
_QUESTION_END = regex(
    rf"[{_QUESTION_MARKS}](?:[ \u00a0\u202f]?(?:[{_QUESTION_MARKS}！]|!(?!\[))|[.…])*"
    rf"(?P<closing>{_CLOSING})"
)
_OPENERS = "([{<“‘«‹„「『【《（"
_CLOSERS_BY_OPENER = {
    "“": "”", "„": "“”", "‘": "’", "«": "»", "‹": "›", "(": ")", "[": "]", "「": "」", "『": "』",
    "（": "）", "”": "”", "»": "«", '"': '"', "'": "'",
}  # fmt: skip
_OPENERS_BY_CLOSER: dict[str, str] = {}
for _opener, _closers in _CLOSERS_BY_OPENER.items():
    for _closer in _closers:
        _OPENERS_BY_CLOSER[_closer] = _OPENERS_BY_CLOSER.get(_closer, "") + _opener
_EMPHASIS_MARKS = ("***", "**", "__", "~~", "==", "*", "_")
# A semicolon after Greek letters.
_GREEK_QUESTION_MARK = (
    r"(?<=[\u0370-\u03ff\u1f00-\u1fff]{2});|(?<=[\u0370-\u03ff\u1f00-\u1fff]»);"
)
_QUESTION_MARK = regex(rf"[{_QUESTION_MARKS}]|{_GREEK_QUESTION_MARK}")
_UNSPACED_LETTER = regex(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = regex(r"[^\W_]+(?:['’.-][^\W_]+)*")

# --- decorations ------------------------------------------------------------------------

# Whitespace and invisible characters.
_INVISIBLE = r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]"
_EMOJI = (
    r"[\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"
    r"\U0001f000-\U0001faff\u20e3]"
)
# A reference to a page or a work: something with a number in brackets, such as `(p. 3)`, `[12]` or
# `(Moss 2003)`, or `p. 3`, `S. 12 f.` or `§3` without brackets.
_REFERENCE = (
    r"\[[^\[\]\n]{0,80}\d[^\[\]\n]{0,80}\](?!\()|[（(【](?=[^()（）】\n]{0,80}[^\W\d])"
    r"[^()（）】\n]{0,80}\d[^()（）】\n]{0,80}[)）】]|(?<!\w)(?:pp?\.|S\.|§)\s?[\dxvi]+(?:\s?ff?\.)?"
)
_DECORATION = rf"{_INVISIBLE}|(?<![^\W])#[^\W\d_][\w/-]*|{_EMOJI}|{_REFERENCE}"
_LEADING = regex(
    rf"(?:{_DECORATION}|(?:[-*+•‣◦▪–—>]|\#{{1,6}}|\d{{1,3}}[.)]|\[[ xX]\])(?=\s)|[,;:](?=\s))+"
)
_TRAILING = regex(rf"(?:(?>{_DECORATION}|[-–—,:](?!\S)))+$")
# How many characters at the end of a text are searched for decorations at a time, because it is
# slow to search a long text.
_MAX_TRAILING_CHARS = 120
# After these labels, any text counts as a question, even without a question mark.
_QUESTION_COMMAND = regex(
    rf"(?i)[*_]{{0,3}}(?:\?+(?!{_INVISIBLE}*$)|q\d{{0,3}}\s?:)[*_]{{0,3}}"
)
_QUESTION_LABEL = regex(
    r"(?i)[*_]{0,3}(?:q\d{0,3}\.(?=[\s*_])|(?:question|frage|pregunta|domanda|pergunta|вопрос"
    r"|質問|問題|问题|問|问)\s?\d{0,3}\s?[:：])[*_]{0,3}"
)
_ANSWER_LABEL = regex(
    r"(?i)[*_]{0,3}(?:a\d{0,3}\s?[:.)](?=[\s*_])|(?:answers?|ans|antwort|respuesta|réponse|risposta|resposta"
    r"|ответ|答|答案)\s?[:：]|[=-]+>|→|⇒|:\\?:)[*_]{0,3}"
)
_LIST_MARKER = regex(r"[-*+\d]")
_LIST_NUMBER = regex(r"(\d{1,9})([.)])(?=\s)")


def has_question_mark(text: str) -> bool:
    """Return whether `text` contains a question mark in any script."""
    return _QUESTION_MARK.search(text) is not None


def has_question_label(comment: str) -> bool:
    """Return whether the comment starts with a question label, e.g. `?` or `Question:`."""
    for label in (_QUESTION_COMMAND, _QUESTION_LABEL):
        if _match_after_decorations(label, comment):
            return True
    return False


def find_question(comment: str) -> CommentQuestion | None:
    """Find the first question in a comment that could be the front of a card, or return None.

    After a leading `?` or `q:`, any text counts as a question.
    """
    command = _match_after_decorations(_QUESTION_COMMAND, comment)
    if command:
        return _find_labelled_question(comment[command.end() :])
    if not has_question_mark(comment):
        return None
    sentences = _find_question_sentences(comment)
    for index, sentence in enumerate(sentences):
        if _is_long_enough(comment[sentence.start : sentence.mark]):
            consecutive = _take_consecutive(comment, sentences[index:])
            return _build_question(comment, sentence.start, consecutive)
    return None


def _find_labelled_question(text: str) -> CommentQuestion | None:
    """Find the question at the start of the text after `?` or `q:`, or return None.

    The question ends with the last of several consecutive questions. If it has no question mark,
    it ends before the answer, or else with the text.
    """
    sentences = _find_question_sentences(text)
    if not sentences:
        end = _find_answer_label(text)
        sentences = [_Sentence(0, end, end)]
    question = _build_question(text, 0, _take_consecutive(text, sentences))
    if not question.text:
        return None
    return question


def _find_answer_label(text: str) -> int:
    """Return the offset of the first answer label after the question, or else of the end."""
    for start in _find_possible_starts(_mask_code_and_urls(text)):
        if start > 0 and _is_answer_label(text, start):
            return start
    return len(text)


def _is_long_enough(question: str) -> bool:
    """Return whether a question has three words, or four letters of a script without spaces.

    This excludes remarks such as “¿por qué?” or “warum „so“?”.
    """
    words = list(filter(has_letter_or_digit, _strip_decorations(question).split()))
    if len(words) >= _MIN_QUESTION_WORDS:
        return True
    return len(_UNSPACED_LETTER.findall(question)) > _MIN_QUESTION_WORDS


def is_nearly_same_text(text: str, other: str) -> bool:
    """Return whether two texts are nearly identical, ignoring case, whitespace and typography."""
    if not text:
        return False
    from rapidfuzz import fuzz

    similarity = fuzz.ratio(
        normalize_for_comparison(text), normalize_for_comparison(other)
    )
    return similarity > _MIN_SIMILARITY


def remove_replies(comment: str) -> str:
    """Remove other people's replies from a comment."""
    prefix = REPLY_PREFIX.strip()
    lines = comment.split("\n")
    return "\n".join([line for line in lines if not line.startswith(prefix)])


def format_reply(author: str, text: str) -> str:
    """Format another person's reply so that it can be appended to a comment."""
    if author:
        text = f"{author}: {text}"
    return "\n".join([f"{REPLY_PREFIX}{line}" for line in text.split("\n")])


# --- the start and end of a question --------------------------------------------------

_URL = regex(
    r"""(?ix)
      \b(?:[a-z][a-z\d+.-]{1,20}://|www\.)[^\s<>]*[^\s<>?!.,;:)\]»”"'*_]
    | (?<!\S)[^\s?]{1,200}\?[a-z][\w%.-]{0,60}=[^\s<>]*              # `page?id=2`
    | \]\([^()\s]{0,500}\)                                      # of a link
    | </?[a-z][^<>]{0,300}>
    """
)


def _mask_code_and_urls(comment: str) -> str:
    """Mask code, math, and URLs with letters, preserving the length of the comment.

    The Greek question mark, usually typed as a semicolon, becomes U+037E.
    """
    masked = ""
    for text, literal, kind in split_at_literal_spans(comment):
        masked += text
        if kind != "escape":
            literal = "x" * len(literal)
        masked += literal
    return re.sub(_GREEK_QUESTION_MARK, "\u037e", _URL.sub(_mask_url, masked))


def _mask_url(match: re.Match[str]) -> str:
    """Mask a URL with letters, or with spaces if it's the target of a Markdown link.

    Letters after the link text would hide a question mark at its end, because a question mark
    inside a word doesn't end a question.
    """
    url = match[0]
    if url.startswith("]("):
        return "]".ljust(len(url))
    return "x" * len(url)


class _Sentence(NamedTuple):
    """A sentence that ends with a question mark, as offsets in the comment."""

    start: int
    mark: int
    """The offset of the question mark."""
    end: int
    """The offset after the question mark and any closing characters."""


def _find_question_sentences(comment: str) -> list[_Sentence]:
    mask = _mask_code_and_urls(comment)
    starts = _find_possible_starts(mask)
    sentences = []
    for match in islice(_QUESTION_END.finditer(mask), _MAX_CHECKED_MARKS):
        if _ends_question(mask, match):
            mark, end = match.span()
            start = starts[bisect_right(starts, mark) - 1]
            sentences.append(_Sentence(start, mark, end))
    return sentences


def _ends_question(mask: str, match: re.Match[str]) -> bool:
    """Return whether a question mark ends a question.

    The mark in `(?)` or `a?b` doesn't, nor does one at the beginning of the comment.
    """
    mark, end = match.span()
    previous_char = mask[:mark].rstrip()[-1:]
    if not previous_char or previous_char in _OPENERS:
        return False
    next_char = mask[end : end + 1]
    if next_char.isalnum() and not next_char.isupper():
        if not _UNSPACED_LETTER.match(next_char):
            return False
    return not _is_quoted_within_sentence(mask, match)


def _is_quoted_within_sentence(mask: str, match: re.Match[str]) -> bool:
    """Return whether a question is quoted in a sentence: `He asked “why not?” and left`."""
    mark, end = match.span()
    if not _CLOSING_QUOTE.search(match["closing"]):
        return False
    line_start = mask.rfind("\n", 0, mark) + 1
    line = mask[line_start:mark].lstrip(" -*>—–")
    if line.startswith(tuple(_OPENERS)):
        return False
    rest = mask[end:].lstrip()
    return rest.startswith(",") or rest[:1].islower()


_CLOSING_QUOTE = regex(r"[\"'”’»›」』)]")
_SENTENCE_END = regex(r"[.!?…:;。！？]['\"”’»)\]*_]*\s*$")


def _find_possible_starts(mask: str) -> list[int]:
    """Return the offsets where a question may start, i.e. starts of sentences and lines.

    A line that continues the previous sentence doesn't count, unless it has an answer label.
    """
    starts = {0, *find_sentence_starts(mask)}
    line_start = 0
    previous_line = ""
    for line in mask.split("\n"):
        if not _continues(line, previous_line) or _is_answer_label(mask, line_start):
            starts.add(line_start)
        line_start += len(line) + 1
        previous_line = line
    return sorted(starts)


def _continues(line: str, previous_line: str) -> bool:
    """Return whether a line continues the sentence of the previous line."""
    if not previous_line.strip() or _SENTENCE_END.search(previous_line[-80:]):
        return False
    return line.lstrip()[:1].islower()


def _is_answer_label(text: str, position: int) -> bool:
    return _match_after_decorations(_ANSWER_LABEL, text, position) is not None


def _take_consecutive(comment: str, sentences: Sequence[_Sentence]) -> list[_Sentence]:
    """Return the first sentence and those that follow it with no words between them."""
    consecutive = [sentences[0]]
    for sentence in sentences[1:]:
        between = comment[consecutive[-1].end : sentence.start]
        if has_letter_or_digit(_strip_decorations(between)):
            break
        consecutive.append(sentence)
    return consecutive


# --- the parts of a comment -----------------------------------------------------------


def _build_question(
    comment: str, start: int, sentences: Sequence[_Sentence]
) -> CommentQuestion:
    """Build the question that begins at `start` and ends with the last of the sentences."""
    end = sentences[-1].end
    question = comment[start:end]
    label = _match_after_decorations(_QUESTION_LABEL, question)
    if label:
        question = question[label.end() :]
    text_after = _trim_decorations(comment[end:])
    answer_label = _ANSWER_LABEL.match(text_after)
    if answer_label:
        text_after = text_after[answer_label.end() :]
    return CommentQuestion(
        text=_clean_question(question),
        text_before=_strip_decorations(comment[:start]),
        text_after=_strip_decorations(text_after),
        has_answer_label=answer_label is not None,
        is_single=len(sentences) == 1,
    )


def _clean_question(question: str) -> str:
    """Put a question on one line, and remove its decorations and trailing full stops."""
    question = to_one_line(_strip_decorations(question))
    question = _remove_enclosing_marks(question)
    question = re.sub(rf"([{_QUESTION_MARKS}])(?:[\s.…]|\1)+$", r"\1", question)
    return _LIST_NUMBER.sub(r"\1\\\2", question, count=1)


def _strip_decorations(text: str) -> str:
    """Strip decorations from both ends. If no letters or digits remain, nothing does."""
    text = _remove_enclosing_marks(_trim_decorations(text))
    if not has_letter_or_digit(text):
        return ""
    return text


def _trim_decorations(text: str) -> str:
    """Trim decorations, except the markers of a list with several items."""
    trimmed = text[_skip_decorations(text, 0) :].rstrip()
    if "\n" in trimmed and _LIST_MARKER.match(text.strip()):
        trimmed = text.strip()
    while True:
        search_start = max(0, len(trimmed) - _MAX_TRAILING_CHARS)
        trailing = _TRAILING.search(trimmed, search_start)
        if trailing is None:
            return trimmed
        trimmed = trimmed[: trailing.start()]


def _match_after_decorations(
    pattern: re.Pattern[str], text: str, position: int = 0
) -> re.Match[str] | None:
    return pattern.match(text, _skip_decorations(text, position))


def _skip_decorations(text: str, position: int) -> int:
    leading = _LEADING.match(text, position)
    if leading is None:
        return position
    return leading.end()


def _remove_enclosing_marks(text: str) -> str:
    """Strip quotes, brackets, or emphasis that enclose the text or are unpaired at one end."""
    for mark in _EMPHASIS_MARKS:
        inner_text = text.removeprefix(mark).removesuffix(mark)
        if mark not in inner_text:
            text = inner_text
    if _is_unpaired(text[:1], _CLOSERS_BY_OPENER, text[1:-1]):
        text = text[1:]
    if _is_unpaired(text[-1:], _OPENERS_BY_CLOSER, text[:-1]):
        text = text[:-1]
    return text.strip()


def _is_unpaired(char: str, partners_by_char: Mapping[str, str], rest: str) -> bool:
    """Return whether a character is a quote or bracket whose partner isn't in the rest."""
    partners = partners_by_char.get(char)
    return partners is not None and set(partners).isdisjoint(rest)
