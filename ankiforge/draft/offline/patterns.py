"""Two sentence patterns whose cards were right often enough to be trusted without a model.

`long form (ABBR)` made 22 good cards of 23, `X is called Y` 10 of 12, in blind rating; every
other pattern that was tried stayed under 60 %. Each refusal below answers a bad card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ankiforge.model import Span
from ankiforge.text.sentences import sentences

LONGEST = 4_000
"""Characters of a passage that are looked at."""


@dataclass(frozen=True, slots=True)
class Acronym:
    """An abbreviation whose initials its long form spells."""

    short: str
    long: str
    start: int
    sentence: Span


@dataclass(frozen=True, slots=True)
class Term:
    """What a sentence says something is called."""

    span: Span
    """The term, in code points of the text."""
    sentence: Span


# --- sentences that cannot stand on a card --------------------------------------------------

_CITATION = re.compile(
    r"""
      \bet\ al\b | \barXiv\b | \bdoi\b | \b[Pp]roceedings\b | \bpp?\.\s*\d | https?://
    | \((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?\s+\d{4}\)
    | ^\W*\[
    """,
    re.VERBOSE,
)
_POINTS_ELSEWHERE = re.compile(
    r"""\b(?:it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|these|those|such
    |so|same|other|others|another|both|next|however|therefore|respectively|above|below|here|there|following|former
    |latter|aforementioned|I|we|us|our|you|your|my|me|fig(?:ure)?|table|eq(?:uation)?|section
    |chapter|one)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_LEANS = re.compile(
    r"""\W*(?:and|but|or|yet|thus|hence|therefore|however|moreover|furthermore|also|then|for
    |instead|nevertheless|meanwhile|otherwise|indeed|similarly|likewise|consequently
    |accordingly|finally|again|even|although|though|despite|unlike|like|given|assume|suppose
    |consider|let|recall|note|see|until|unless|whether|as|not|just|all|every|any|no|none|either
    |neither|conversely|alternatively|additionally|subsequently|lastly|perhaps|maybe|clearly
    |obviously|rather|except|besides|still|that|which|who|what|why|how|where|because|since|while)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_INTRODUCTION = re.compile(r"(?:[A-Z]\w+ly|In \w+(?: \w+)?),\s+(?=\w)")
_UNKNOWN_SUBJECT = re.compile(
    r"[Tt]he\s(?:[\w’'-]+\s){1,3}?(?:is|are|was|were|has|have|had|can|may|will|must|should|do|does)\b"
    r"|[A-Z]\w+s\s(?:the|an?|all|to)\b|[B-Z]\s"
)
"""The discriminator is …: which? Uses the …: what does? P is …: who is P?"""
_RESULTING = re.compile(
    r"(?:The|An?)\s+(?:\w+\s+)?(?:first|second|third|last|resulting|corresponding|whole|entire"
    r"|main|key|code|question|previous|new|general|different|alternative|related|analogous|similar|two|three|four|even)\b"
)


def is_citation(sentence: str) -> bool:
    """Whether a sentence is, or has, a reference to literature."""
    return bool(_CITATION.search(sentence))


def stands_alone(sentence: str) -> bool:
    """Whether a sentence names what it speaks of: no pronoun, no link to its neighbours."""
    bare = _INTRODUCTION.sub("", sentence, count=1)
    begins_well = bare[:1].isdigit() or sentence[:1].isupper()
    return (
        begins_well
        and 6 <= len(sentence.split()) <= 40
        and not sentence.rstrip("\"'”’»)").endswith(("?", ":", ";", ","))
        and not any(found.search(sentence) for found in (_CITATION, _POINTS_ELSEWHERE))
        and not any(found.match(bare) for found in (_LEANS, _RESULTING, _UNKNOWN_SUBJECT))
    )


# --- long form (ABBR), ABBR (long form) -----------------------------------------------------

_SHORT = r"(?P<short>[A-Z][A-Za-z]{1,7})"
_AFTER = re.compile(rf"\({_SHORT}(?=[);,])")
_BEFORE = re.compile(rf"(?<![\w-]){_SHORT}\s\((?P<long>[^()\n;,:]{{5,80}})\)")
_ELISION = r"(?:[cdlmnst]|all|dall|dell|nell|qu|sull)['’](?=[^\W\d_]{3})"
"""l’ in l’intelligence, dell’ in dell’arte: a small word, written to the next one."""
_WORD = re.compile(rf"{_ELISION}|[^\W_]+(?:['’][^\W_]+)?", re.IGNORECASE)
MOST_WORDS = 16
"""Words of a long form that are looked at."""
_FILLERS = frozenset(
    {"of", "and", "the", "for", "in", "to", "on", "with", "by", "from", "a", "an", "as", "at", "or"}
    | {"de", "la", "le", "les", "du", "des", "et", "der", "die", "das", "und", "für", "von", "dem"}
    | {"den", "au", "aux", "en", "sur", "pour", "dans", "par", "del", "el", "los", "las", "y", "e"}
    | {"para", "por", "con", "di", "della", "delle", "dei", "da", "dos", "das", "van", "het"}
)


def acronyms(text: str) -> Iterator[Acronym]:
    """Every abbreviation the text spells out, once, in order."""
    seen = set()
    for start, end in sentences(text[:LONGEST]):
        sentence = text[start:end]
        if _CITATION.search(sentence):
            continue
        for short, at, stop in sorted({*_spelt_before(sentence), *_spelt_after(sentence)}, key=_at):
            if short not in seen:
                seen.add(short)
                yield Acronym(short, sentence[at:stop], start + at, (start, end))


_Found = tuple[str, int, int]


def _at(found: _Found) -> int:
    return found[1]


def _spelt_before(sentence: str) -> Iterator[_Found]:
    for match in _AFTER.finditer(sentence):
        begin = sentence.rfind(")", 0, match.start()) + 1
        words = list(_WORD.finditer(sentence, begin, match.start()))[-MOST_WORDS:]
        letters = _letters(match["short"])
        start = _spelt(letters, words, sentence) if letters else None
        if start is not None and not sentence[words[-1].end() : match.start()].strip():
            yield _asked(match["short"], sentence, start, words[-1].end())


def _spelt_after(sentence: str) -> Iterator[_Found]:
    for match in _BEFORE.finditer(sentence):
        start, end = match.span("long")
        words = list(_WORD.finditer(sentence, start, end))[-MOST_WORDS:]
        letters = _letters(match["short"])
        whole = bool(words) and words[-1].end() == end
        if letters and whole and _spelt(letters, words, sentence) == start:
            yield _asked(match["short"], sentence, start, end)


def _letters(short: str) -> str:
    """The letters to be spelt, casefolded; "" if it does not look like an abbreviation."""
    bare = short[:-1] if _plural(short) else short
    capitals = sum(letter.isupper() for letter in bare)
    return bare.casefold() if capitals >= 2 and capitals * 2 >= len(bare) else ""


def _plural(short: str) -> bool:
    return short.endswith("s") and short[:-1].isupper() and len(short) > 2


_TAIL = re.compile(r"(?<=[^\W\d_]{3})(?:['’]s|\d{1,2}|[⁰¹²³⁴-⁹]+)$")
"""What clings to a word and is none of it: the number of a footnote, a possessive s."""


def _asked(short: str, sentence: str, start: int, end: int) -> _Found:
    """CNNs (convolutional neural networks) are asked for as one CNN, where an s is all."""
    if tail := _TAIL.search(sentence[start:end]):
        end = start + tail.start()
    if not _plural(short):
        return short, start, end
    single = not re.search(r"(?:[^s]|ies|ses|xes|ches|shes)$", sentence[start:end])
    return short[:-1], start, end - single


def _spelt(letters: str, words: list[re.Match[str]], sentence: str) -> int | None:
    """Where the long form begins whose initials, read from its end, are exactly these letters.

    Only small words and later parts of a hyphenated word may be passed over; the long form has
    two words at least, and begins at the beginning of a word.
    """

    @cache
    def begin(left: int, at: int) -> int | None:
        if left == 0:
            return at + 1
        if at < 0:
            return None
        word = words[at][0].casefold()
        if word[0] == letters[left - 1] and (found := begin(left - 1, at - 1)) is not None:
            return found
        return begin(left, at - 1) if small_word(at) or later_part(at) else None

    def small_word(at: int) -> bool:
        word = words[at][0].casefold()
        return word in _FILLERS or word.endswith(("'", "’"))

    def later_part(at: int) -> bool:
        return hyphenated(at) and at < len(words) - 1  # ML is no Machine-Learning-Modell

    def hyphenated(at: int) -> bool:
        start = words[at].start()
        return sentence[max(start - 1, 0) : start] in {"-", "‐", "‑"}

    first = begin(len(letters), len(words) - 1)
    if first is None or len(words) - first < 2 or hyphenated(first):
        return None
    small = small_word(first) or small_word(len(words) - 1)
    broken = re.search(r"[,;:.#]", sentence[words[first].start() : words[-1].end()])
    return None if small or broken else words[first].start()


# --- X is called Y --------------------------------------------------------------------------

_CALLED = re.compile(
    r"""
    \b(?P<be>is|are|was|were|been|being)?
    (?P<how>,?\s+(?:also|often|commonly|usually|sometimes|generally|collectively|formally|now
        |frequently|typically|otherwise|more\ commonly|better))?
    \s+(?P<verb>called|known\ as|referred\ to\ as|termed)\s+
    (?P<article>the\s+|an?\s+)?
    (?P<quote>["“‘'])?
    (?P<term>[^\W_][\w'’-]*(?:\s[^\W\d_][\w'’-]*){0,4}?)
    (?P<close>["”’'])?
    (?=\s*(?:[.,;:)(!–—]|$)
      |\s+(?:and|or|which|that|who|because|when|if|in|by|for|since|while|where|is|are|was|were
        |can|may|will|has|have|to|at|on|from|with|as|does|do)\b)
    """,
    re.VERBOSE,
)
_NO_TERM = re.compile(
    r"""(?:its|their|our|his|her|your|my|the|one|ones|so|this|that|these|those|it|them|him|us
    |once|twice|again|first|later|back|out|up|off|on|in|into|for|by|with|when|if|from|to|at
    |upon|every|each|after|before|during|several|many|some|what|how|why|because|only|not|just|while
    |more|less|specified|given|number|is|are|be|has|called|synchronously
    |either|both|often|simply|well|and|or|two|three)\b | \w+ly\b""",
    re.VERBOSE | re.IGNORECASE,
)
CODE = re.compile(r"[`{}\\<>=|:;]|\w\(|_\w|\b[a-z]+[A-Z]|\w![\s(]|&\w+;|->")


def terms(text: str) -> Iterator[Term]:
    """Every term that a sentence of its own names, at most one a sentence."""
    for start, end in sentences(text[:LONGEST]):
        sentence = text[start:end]
        found = list(_CALLED.finditer(sentence))
        if len(found) == 1 and stands_alone(sentence) and _names(sentence, found[0]):
            span = found[0].span("term")
            yield Term((start + span[0], start + span[1]), (start, end))


def _names(sentence: str, found: re.Match[str]) -> bool:
    term, before = found["term"], sentence[: found.start("verb")]
    return not (
        _NO_TERM.match(term)
        or CODE.search(sentence)
        or bool(found["quote"]) != bool(found["close"])
        or _GOES_ON.match(sentence[found.end() :])
        or _RUNS_ON.match(term)
        or re.search(
            r"\b(?:not|never|no longer|so-?|wrongly|mistakenly|what (?:is|are))\s*$", before
        )
        or before.count("(") > before.count(")")
        or _dangling(found, sentence)
        or _anecdote(found, before)
        or _active(found, before)
        or leaks(term, sentence[: found.start("term")] + sentence[found.end("term") :])
    )


_GOES_ON = re.compile(r"\W*(?:and|or|/)\b|\s*\([^()]*\)\s+[a-z]\w*(?<!which)(?<!that)(?<!who)\b")
"""It is half a name: called "the vernal (spring) and autumnal equinox"."""
_RUNS_ON = re.compile(
    r"\w+[^\W\diasu_]s\s(?!of\b)|.*\s(?:but|yet|allows?|makes?|helps?|gives?|uses?|of|in|for)$"
)
"""It took a verb along: called "retorts allow" for sterilization."""


def _dangling(found: re.Match[str], sentence: str) -> bool:
    """A second name, "…, also known as Y", that no comma closes before the sentence goes on."""
    if found["be"] or not found["how"]:
        return False
    goes_on = re.match(r",(?:\s+\S+){3}", sentence[found.end() :])
    return not (found["how"].startswith(",") and goes_on)


def _anecdote(found: re.Match[str], before: str) -> bool:
    """Something that happened or someone's name, rather than a term: what a person was called."""
    past = bool(re.search(r"\b(?:was|were|been)\b", before))
    named = found["term"][0].isupper() and not found["article"]
    return past or _ARTEFACT.search(before) is not None or (named and not _ALIAS.match(before))


_ARTEFACT = re.compile(
    r"""\b(?:functions?|files?|tools?|programs?|librar(?:y|ies)|variables?|methods?|class(?:es)?
    |commands?|packages?|crates?|modules?|director(?:y|ies)|folders?|scripts?|fields?|options?
    |macros?|callbacks?|hooks?|flags?|attributes?|propert(?:y|ies)|man|woman|person|people|boy
    |girl|guy|friend|colleague|company|start-?up|firm|book|novel|paper|film|movie|song|dog|cat
    |town|village)\s(?:that\sis\s)?$""",
    re.VERBOSE | re.IGNORECASE,
)
"""What bears a name rather than a term: "a tool called", "a man called"."""
_ALIAS = re.compile(r"(?!The\b|An?\b)[^,]{3,60}, (?:\w+ ){1,2}$")
"""POSIX threads, also known as Pthreads: a second name right behind the first."""


def _active(found: re.Match[str], before: str) -> bool:
    """Somebody calls: "the nurse called doctors"; only "is called" and "a thing called" count."""
    if found["be"] or found["verb"] != "called":
        return False
    return not re.search(r"(?:\ba|\ban|,|\bare|\bis)\s(?:[\w-]+\s){0,3}[\w-]*,?\s*$", before)


def leaks(term: str, rest: str) -> bool:
    """Whether the sentence says a word of the term elsewhere, or says too little besides."""
    words = {word.casefold() for word in _WORD.findall(rest)}
    stems = {word[:5] for word in words if len(word) > 3}
    own = {word.casefold()[:5] for word in _WORD.findall(term) if len(word) > 3}
    within = any(len(word) > 5 and word in term.casefold() for word in words)
    return bool(own & stems) or within or len(words - _FILLERS) < 5
