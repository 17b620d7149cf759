"""The question in a reader's comment, and what else the comment says.

A comment is Markdown. A question ends with a question mark of any script, and begins where
its sentence begins. What is only an ornament does not count: tags, page numbers, emoji,
list signs, labels, and signs that enclose the whole.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.model import Value
from ankiforge.text import regex
from ankiforge.text.fold import for_comparing, shields
from ankiforge.text.sentences import boundaries

REPLY = "↳ "
"""Begins each line of what somebody else replied to a comment."""
SHORT = 12
"""The number of words up to which what stands behind a question is taken for its answer."""
_MOST_MARKS = 50
"""The question marks of a comment that are looked at."""
_REPEATS = 90
"""How much alike words are that repeat others, in per cent."""
_LEAST_WORDS = 3
"""The number of words of a question that can be the front of a card; “why?” is a remark."""


class CommentQuestion(Value):
    """The question of a comment, in Markdown."""

    words: str
    """The question; several, if one follows another."""
    before: str = ""
    """The words of the comment before it, without ornament."""
    after: str = ""
    """The words of the comment after it, without ornament."""
    is_answered: bool = False
    """Whether what is after it is labelled as the answer: `A: …`."""
    is_one: bool = True
    """Whether it is a single question, without a label or an address at its beginning."""

    @property
    def is_short(self) -> bool:
        """Whether the text after it has the length of an answer."""
        # two letters of a script without blanks are one word
        words = len(_WORD.findall(_DENSE.sub(" ", self.after)))
        words += len(_DENSE.findall(self.after)) // 2
        return 0 < words <= SHORT


# --- signs ----------------------------------------------------------------------------

_MARKS = "?？؟⁇⁈⁉‽﹖⸮፧\u037e"
_ASKS = regex(rf"[{_MARKS}]|[\u0370-\u03ff\u1f00-\u1fff]{{2}}['\"’”»)\]*_]{{0,3}};")
# The marks that may also stand within an address, a name of a file, or a doubted word.
_AMBIGUOUS = "?;"
# The sign before a picture, `![`, does not belong to it.
_RUN = regex(rf"[{_MARKS};](?:[ \u00a0\u202f]?(?:[{_MARKS}！]|!(?!\[))|[.…])*")
_OPENERS = "([{<“‘«‹„‚「『【《（"
_CLOSERS = {
    "(": ")", "[": "]", "{": "}", "“": "”", "‘": "’", "«": "»", "‹": "›", "„": "“”",
    "‚": "‘’", "「": "」", "『": "』", "【": "】", "《": "》", "（": "）", "»": "«", '"': '"',
    "'": "'", "”": "”",
}  # fmt: skip
_CLOSING = regex(r"(?:\s?[»›]|[\"'”’“)\]}」』】》）*_~=])*")
_QUOTES_CLOSED = regex(r"[\"'”’»›」』]")
_EMPHASIS = ("***", "**", "__", "~~", "==", "*", "_")
_ALL_BUT_THE_MARK = regex(rf"(\*{{1,3}}|_{{1,3}})([^*_]+)\1\s?([{_MARKS}!]+)")
# White space, and signs that show nothing.
_BLANK = r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0e\ufe0f\ufeff]"
_DENSE = regex(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = regex(r"[^\W_]+(?:['’.-][^\W_]+)*")

# --- ornament -------------------------------------------------------------------------

_PAGE_WORD = (
    r"(?:pp?|pgs?|pages?|s|seiten?|p[aá]g(?:ina)?s?|с|стр|(?:kindle\s)?loc(?:ation)?|ch(?:apter)?|kap(?:itel)?"
    r"|sec(?:tion)?|figs?|figures?|abb|tables?|tab|slides?|folien?"
    r"|σ(?:ελ(?:ίδα)?)?|עמ(?:וד|['׳])?|ص(?:فحة)?)"
)
_NUMBERS = r"\d{1,6}(?:\s?[-–,/]\s?\d{1,6}){0,4}(?:\s?ff?\.?)?"
_PLACE = (
    rf"(?:{_PAGE_WORD}(?:\.\s?|\s)(?:{_NUMBERS}(?:\s(?:of|von|de)\s\d{{1,6}})?|[ivxlc]{{1,7}}\b)"
    rf"|§\s?{_NUMBERS}|第?\d{{1,6}}\s?(?:[页頁쪽]|ページ|페이지)|[页頁]\s?\d{{1,6}})"
)
_YEAR = r"[^()\[\]\n]{0,60}\b(?:1[5-9]|20)\d\d[a-z]?"
_OPENER = r"[(\[（【〔［]\s?"
_CLOSER = r"\s?[)\]）】〕］]"
_SEE = r"(?:(?:see|cf|vgl|siehe|voir|véase|vedi|см)\.?\s)?"
_REFERENCE = (
    rf"{_OPENER}{_SEE}{_PLACE}\.?{_CLOSER}|(?<!\w){_SEE}{_PLACE}\b\.?"
    r"|\[\d{1,4}(?:[-–,]\s?\d{1,4}){0,9}\]|\[-?@[^\[\]\n]{1,80}\]"
)
_AUTHOR = rf"[(\[](?=[^\W\d_a-z]){_YEAR}(?:\s?[,:]\s?(?i:{_PLACE}))?[)\]]"
_TAG = r"(?<![^\W])#[^\W\d_][\w/-]*"
_EMOJI = (
    r"[\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff"
    r"\U0001f000-\U0001faff\u20e3]"
)
_ORNAMENT = rf"{_BLANK}|{_TAG}|{_EMOJI}|(?i:{_REFERENCE})|{_AUTHOR}"
_LEADING = regex(
    rf"(?:{_ORNAMENT}|[-*+•‣◦▪·–—>](?=\s)|[–—•]|\#{{1,6}}(?=\s)|\d{{1,3}}[.)](?=\s)"
    r"|[a-zA-Z]\)(?=\s)|\[[ xX]\](?=\s)|[,;:](?=\s))+"
)
_TRAILING = regex(rf"(?:(?>{_ORNAMENT}|[-–—,:](?!\S)))+$")
_ASKING_LABEL = regex(
    rf"(?i)[*_]{{0,3}}(?:(?P<command>\?+(?!{_BLANK}*$)|q\d{{0,3}}\s?:)"
    r"|(?:q|fr?)\d{0,3}\.(?=[\s*_])|(?:question|frage|pregunta|domanda|pergunta|вопрос"
    r"|質問|問題|问题|問|问)\s?\d{0,3}\s?[:：])[*_]{0,3}"
)
_ANSWER_LABEL = regex(
    r"(?i)[*_]{0,3}(?:a\d{0,3}\s?[:.)](?=[\s*_])|(?:answers?|ans|antwort|respuesta|réponse|risposta|resposta"
    r"|ответ|答|答案)\s?[:：]|[=-]+>|→|⇒|:\\?:)[*_]{0,3}"
)
_NUMBER_OF_ITEM = regex(r"(\d{1,9})([.)])(?=\s)")


def asks(text: str) -> bool:
    """Return whether a text has a question mark, wherever it is."""
    return _ASKS.search(text) is not None


def question_in(comment: str) -> CommentQuestion | None:
    """Return the first question of a comment that could be the front of a card, None if none.

    What begins with `?` or `q:` is one, whatever it says.
    """
    if not asks(comment) and ":" not in comment:
        return None
    mask = _masked(comment)
    breaks = _breaks(mask)
    label = _ASKING_LABEL.match(comment, _skip(_LEADING, comment, 0))
    if label and label["command"]:
        # after `?` or `q:`, up to the first mark, else the whole
        start = label.end()
        comment = " " * start + comment[start:]
        later = [end for end in _ends(mask) if end.mark > start]
        if later:
            last = _with_next_questions(comment, breaks, later)
            return _made(comment, start, last, is_one=last == later[0].after)
        last = len(comment)
        for begins in breaks:
            first = _skip(_LEADING, comment, begins.place)
            if begins.place > start and _ANSWER_LABEL.match(comment, first):
                last = begins.place
                break
        question = _made(comment, start, last, is_one=True)
        return question if question.words else None

    ends = list(islice(_ends(mask), _MOST_MARKS))
    for number, end in enumerate(ends):
        # it begins where its sentence does, or with a line above
        after = bisect_right(breaks, (end.mark, False))
        front: _Break | None = None
        for begins in reversed(breaks[max(0, after - 1 - _MOST_LINES) : after]):
            if _could_be_a_front(comment[begins.place : end.mark]):
                front = begins
                break
            if not begins.is_soft:
                break
        if front is None:
            continue
        last = _with_next_questions(comment, breaks, ends[number:])
        question = _made(comment, front.place, last, is_one=last == end.after)
        # it may have an introduction that it could be asked without
        words = question.words
        introduction = _ADDRESS_FIRST.match(words) or _LABEL_FIRST.match(_masked(words))
        if introduction and _could_be_a_front(words[introduction.end() :]):
            question = replace(question, is_one=False)
        return question
    return None


def is_alike(words: str, passage: str) -> bool:
    """Return whether two texts are nearly the same."""
    if not (len(passage) / 2 < len(words) < 2 * len(passage)):
        return False
    from rapidfuzz import fuzz

    return fuzz.ratio(for_comparing(words), for_comparing(passage)) > _REPEATS


def without_replies(comment: str) -> str:
    """Return a comment without the replies to it."""
    lines = comment.split("\n")
    return "\n".join(line for line in lines if not line.startswith(REPLY.strip()))


def reply_lines(author: str, text: str) -> str:
    """Return the lines of somebody else's reply, for a comment."""
    lines = text.split("\n")
    lines[0] = f"{author}: {lines[0]}" if author else lines[0]
    return "\n".join(f"{REPLY}{line}" for line in lines)


# --- where a question ends and begins -------------------------------------------------

_ADDRESS = regex(
    r"""(?ix)
      \b[a-z][a-z\d+.-]{1,20}://[^\s<>]*[^\s<>?!.,;:)\]»”"'*_]   # with a scheme
    | \bwww\.[^\s<>]*[^\s<>?!.,;:)\]»”"'*_]
    | \b[\w-]{1,60}(?:\.[\w-]{1,60}){1,6}/[^\s<>]*[^\s<>?!.,;:)\]»”"'*_]
    | (?<!\S)[^\s?]{1,200}\?[a-z][\w%.-]{0,60}=[^\s<>]*              # `page?id=2`
    | \]\([^()\s]{0,500}\)                                      # of a link
    | \[\[[^\[\]\n]{1,300}\]\]
    | </?[a-z][^<>]{0,300}>
    """
)


def _masked(comment: str) -> str:
    """Return a comment of the same length in which code, maths and addresses are letters."""
    parts: list[str] = []
    done = 0
    for start, end, kind in shields(comment):
        if kind != "escape":
            parts += [comment[done:start], "x" * (end - start)]
            done = end
    parts.append(comment[done:])
    return _ADDRESS.sub(_letters_or_blanks, "".join(parts))


def _letters_or_blanks(address: re.Match[str]) -> str:
    """Return `x` for each letter of an address; blanks for a link's, whose text may end there."""
    length = len(address[0])
    return "]" + " " * (length - 1) if address[0].startswith("](") else "x" * length


class _End(NamedTuple):
    """The end of a question."""

    mark: int
    """The place of its mark."""
    after: int
    """The place behind the signs that close it."""


class _Break(NamedTuple):
    """A place where a sentence may begin."""

    place: int
    is_soft: bool
    """Whether only because a line does."""


def _ends(mask: str) -> Iterator[_End]:
    """Yield the ends of questions."""
    done = 0
    for found in _ASKS.finditer(mask):
        mark = found.end() - 1
        if mark < done:
            continue
        run = _RUN.match(mask, mark)
        run_end = run.end() if run else mark + 1
        closing = _CLOSING.match(mask, run_end)
        end = closing.end() if closing else run_end
        done = end
        before = mask[:mark].rstrip()[-1:]
        if not before or before in _OPENERS:
            continue
        following = mask[end : end + 1]
        if (
            mask[mark] in _AMBIGUOUS
            and end == run_end
            and following.isalnum()
            and not following.isupper()
            and not _DENSE.match(following)
        ):  # it is inside a word
            continue
        # `He asked “why not?” and left.`
        after = mask[end:].lstrip()[:1]
        line = mask[mask.rfind("\n", 0, mark) + 1 : mark].lstrip(" -*>—–")
        goes_on = after.islower() or after == ","
        if goes_on and line[:1] not in _CLOSERS:
            if _QUOTES_CLOSED.search(mask[run_end:end]):
                continue
        yield _End(mark, end)


_LINE_END = regex(r"[.!?…:;。！？]['\"”’»)\]*_]*\s*$")


def _breaks(mask: str) -> list[_Break]:
    """Return where sentences begin."""
    breaks = dict.fromkeys((0, *boundaries(mask)), False)
    place = 0
    above = ""
    for line in mask.split("\n"):
        words = line.lstrip()
        is_after_blank = not above.strip()
        is_answer = _ANSWER_LABEL.match(words)
        goes_on = words[:1].islower() and not (is_answer or _LINE_END.search(above[-80:]))
        if words and (is_after_blank or not goes_on):
            breaks.setdefault(place, not is_after_blank and not _LEADING.match(words))
        place += len(line) + 1
        above = line
    return [_Break(*each) for each in sorted(breaks.items())]


# Lines above the one with the mark, in which a question may begin.
_MOST_LINES = 3


def _with_next_questions(
    comment: str,
    breaks: Sequence[_Break],
    ends: Sequence[_End],
) -> int:
    """Return the end of the last of the questions that follow the first one directly."""
    last = ends[0].after
    for end in ends[1:]:
        begins = breaks[bisect_right(breaks, (end.mark, False)) - 1]
        if _without_ornament(comment[last : max(begins.place, last)]):
            break
        last = end.after
    return last


def _could_be_a_front(words: str) -> bool:
    """Return whether a text has three words; in scripts without blanks, a few letters.

    A remark such as “¿por qué?” or “warum „so“?” is not a front.
    """
    if len(_DENSE.findall(words)) > _LEAST_WORDS:
        return True
    count = sum(map(_has_word, _without_ornament(words).split()))
    return count >= _LEAST_WORDS


# `https://example.org …`, `[wiki](https://example.org) …`
_ADDRESS_FIRST = regex(r"\[[^\[\]\n]*\]\([^()\s]*\)|<?\w+://\S+")
# `TODO: …`, `Smith says: …`
_LABEL_FIRST = regex(r"[^:：]{1,60}(?::\s|：)")


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


# --- the parts of a comment -----------------------------------------------------------


def _made(comment: str, start: int, end: int, *, is_one: bool) -> CommentQuestion:
    """Return the question between two places of a comment, with the text around it."""
    words = comment[start:end]
    before = _without_ornament(comment[:start])
    label = _ASKING_LABEL.match(words, _skip(_LEADING, words, 0))
    if label and not label["command"]:
        words = words[label.end() :]
    if _ASKING_LABEL.fullmatch(f"{before}:"):
        before = ""
    after = _trimmed(comment[end:])
    answer = _ANSWER_LABEL.match(after)
    if answer:
        after = after[answer.end() :]

    # the question on one line, without ornament and full stops after it
    words = _unwrapped(" ".join(_without_ornament(words).split()))
    words = re.sub(rf"([{_MARKS};])(?:[\s.…]|\1)+$", r"\1", words)
    words = re.sub(rf"([{_MARKS}])\s([!！])$", r"\1\2", words)
    if words[:1] in "*_":
        words = _ALL_BUT_THE_MARK.sub(r"\2\3", words, count=1)
    return CommentQuestion(
        words=_NUMBER_OF_ITEM.sub(r"\1\\\2", words, count=1),
        before=before,
        after=_without_ornament(after),
        is_answered=answer is not None,
        is_one=is_one,
    )


def _without_ornament(text: str) -> str:
    """Return a text without ornament at its ends; "" if it has no letter or digit."""
    text = _unwrapped(_trimmed(text))
    return text if _has_word(text) else ""


def _trimmed(text: str) -> str:
    start = _skip(_LEADING, text, 0)
    if start and "\n" in text[start:].strip() and re.match(r"[-*+\d]", text.strip()):
        text = text.strip()  # a list
    else:
        text = text[start:]
    while trailing := _TRAILING.search(text, max(0, len(text) - 120)):
        text = text[: trailing.start()]
    return text


def _skip(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return match.end() if match else place


def _unwrapped(text: str) -> str:
    """Return a text without quotes, brackets and emphasis that enclose all of it or nothing."""
    for _ in range(4):
        shorter = _without_emphasis(_without_quotes(text)).strip()
        if shorter == text:
            break
        text = shorter
    return text


def _without_quotes(text: str) -> str:
    if not text:
        return text
    first, last, inner = text[0], text[-1], text[1:-1]
    closers = _CLOSERS.get(first, "")
    if closers and not (first in "[!" and "](" in text):
        if last in closers and not any(sign in inner for sign in f"{first}{closers}"):
            return inner
        if not any(closer in text[1:] for closer in closers):
            return text[1:]
    openers = [opener for opener, signs in _CLOSERS.items() if last in signs]
    if (
        openers
        and last not in _OPENERS
        and not any(opener in text[:-1] for opener in openers)
    ):
        return text[:-1]
    return text


def _without_emphasis(text: str) -> str:
    for sign in _EMPHASIS:
        count = text.count(sign)
        opens = text.startswith(sign)
        closes = text.endswith(sign)
        if count == 1 and opens:
            return text[len(sign) :]
        if count == 1 and closes and len(sign) > 1:
            return text[: -len(sign)]
        if count == 2 and opens and closes and len(text) > 2 * len(sign):
            return text[len(sign) : -len(sign)]
    return text
