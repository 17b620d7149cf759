"""Pair the tokens that open and close a mark or a cloze."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ankiforge.extract.markdown.inline_tokens import INSIDE, Gaps, Kind, Token
from ankiforge.text import regex


def pair(tokens: list[Token], opener: int, closer: int) -> None:
    """Make partners of two tokens, which show nothing then."""
    tokens[opener].partner = closer
    tokens[closer].partner = opener
    tokens[opener].plain = ""
    tokens[closer].plain = ""


def _drop_unpaired(tokens: list[Token], kind: Kind) -> None:
    """Turn the unpaired tokens of a kind into plain text."""
    for token in tokens:
        if token.kind is kind and token.partner < 0:
            token.become(Kind.TEXT if token.plain else Kind.GONE, token.plain)


# --- marks ----------------------------------------------------------------------------


def pair_marks(tokens: list[Token]) -> None:
    """Pair the signs of marks within a block, also across its line ends."""
    openers: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.kind is not Kind.MARK:
            continue
        sign = token.markdown
        opener = openers.get(sign, -1) if token.closes else -1
        # `a==b or c==d` compares values
        are_inside = opener >= 0 and tokens[opener].note == token.note == INSIDE
        if are_inside and any(" " in one.plain for one in tokens[opener:index]):
            opener = -1
        if opener >= 0:
            del openers[sign]
            pair(tokens, opener, index)
        elif token.opens:
            openers[sign] = index
    _drop_unpaired(tokens, Kind.MARK)


# --- emphasis -------------------------------------------------------------------------


def pair_elements(tokens: list[Token]) -> None:
    """Pair the tags of elements such as `<b>`; those without a partner show nothing."""
    tags = [
        index
        for index, token in enumerate(tokens)
        if token.kind is Kind.EMPHASIS and (token.opens or token.closes)
    ]
    openers = list[int]()
    open_tags = Counter[str]()
    for index in tags:
        token = tokens[index]
        if token.opens:
            openers.append(index)
            open_tags[token.markdown] += 1
            continue
        opening_tag = token.markdown.replace("/", "")
        while open_tags[opening_tag]:
            # those opened later are never closed
            opener = openers.pop()
            open_tags[tokens[opener].markdown] -= 1
            if tokens[opener].markdown == opening_tag:
                if not open_tags[opening_tag]:  # our Markdown has no <b> in <b>
                    pair(tokens, opener, index)
                break
    for index in tags:
        if tokens[index].partner < 0:
            tokens[index].become(Kind.GONE)


def drop_crossing_emphasis(tokens: list[Token]) -> None:
    """Drop emphasis that begins inside a cloze or other emphasis and ends outside."""
    openers = list[int]()
    for index, token in enumerate(tokens):
        if token.partner < 0 or token.kind not in (Kind.EMPHASIS, Kind.GAP):
            continue
        if token.partner > index:
            openers.append(index)
            continue
        # what was dropped meanwhile has no partner any more
        while openers[-1] != token.partner and tokens[openers[-1]].partner < 0:
            openers.pop()
        if openers[-1] == token.partner:
            openers.pop()
        elif token.kind is Kind.EMPHASIS:
            _drop_pair(tokens, token.partner)
        else:
            while openers[-1] != token.partner:
                _drop_pair(tokens, openers.pop())
            openers.pop()


def _drop_pair(tokens: list[Token], opener: int) -> None:
    """Make two partners show nothing; one that was dropped already stays so."""
    closer = tokens[opener].partner
    if closer >= 0:
        tokens[opener].become(Kind.GONE)
        tokens[closer].become(Kind.GONE)


# --- hand-written clozes --------------------------------------------------------------

# Clozes within each other, above which a block has none; Anki itself reads no more than
# a few.
_DEEPEST = 10


@dataclass(slots=True)
class _Brace:
    """A brace that was opened, or `{{`; by the indices of its tokens."""

    opener: int
    closer: int = -1
    hint: int = -1
    """Of the `::` before the hint of its cloze, -1 = there is none."""


def pair_gaps(tokens: list[Token], gaps: Gaps) -> None:
    """Pair `{{` and `}}`, also across line ends, and the single braces of a dialect.

    Braces must balance.
    """
    opened: list[_Brace] = []  # the innermost last; of `{{{`, three
    clozes: list[_Brace] = []
    deepest = 0
    for index, token in enumerate(tokens):
        is_text = token.kind is Kind.TEXT
        if token.kind is Kind.GAP:
            opened.append(_Brace(index))
        elif is_text and token.plain.startswith("{"):
            for _ in token.plain:
                opened.append(_Brace(index))
        elif is_text and opened and token.plain == "}":
            # it closes the innermost brace, or the cloze if there are two braces
            brace = opened[-1]
            brace.closer = index
            opener = tokens[brace.opener]
            is_double = index + 1 < len(tokens) and tokens[index + 1].plain == "}"
            if opener.kind is Kind.TEXT:
                opened.pop()
                inside = {part.kind for part in tokens[brace.opener + 1 : index]}
                is_on_a_line = bool(inside) and inside.isdisjoint((Kind.GAP, Kind.BREAK))
                is_single = opener.plain == "{" and not is_double
                if is_single and is_on_a_line and "{" in gaps.signs:
                    opener.become(Kind.GAP)
                    clozes.append(brace)
            elif is_double:
                opened.pop()
                clozes.append(brace)
                tokens[index + 1].become(Kind.GONE)
        elif is_text and opened and token.plain == "::":
            brace = opened[-1]
            is_in_cloze = tokens[brace.opener].kind is Kind.GAP
            if brace.hint < 0 and is_in_cloze:
                brace.hint = index
        deepest = max(deepest, len(opened))

    if deepest <= _DEEPEST:
        for cloze in clozes:
            tokens[cloze.closer].become(Kind.GAP, "", "}}")
            pair(tokens, cloze.opener, cloze.closer)
            if cloze.hint >= 0:
                for token in tokens[cloze.hint : cloze.closer]:
                    token.kind = Kind.HINT
                    token.plain = ""
    _drop_unpaired(tokens, Kind.GAP)


# --- clozes of a dialect --------------------------------------------------------------

# The number of a cloze before its answer: `==1;;answer;;hint==`, `{2:answer}`,
# `{c2::answer}`.
_NUMBER = regex(r"(?:c?(\d{1,3})(?:;;|::?|\|)|[ash]+;;)(?=.)")


def find_gaps(tokens: list[Token], gaps: Gaps) -> None:
    """Make numbered clozes of the signs of a dialect, each on one line."""
    unnumbered = 0
    for index, token in enumerate(tokens):
        sign = "bold" if token.note == "strong" else token.markdown
        if token.kind is not Kind.GAP and sign not in gaps.signs:
            continue
        inside = []
        if token.partner > index:
            inside = tokens[index + 1 : token.partner]
        is_broken = any(part.kind in (Kind.BREAK, Kind.GAP) for part in inside)
        if is_broken or not inside:
            continue
        closer = tokens[token.partner]
        number = token.note if token.kind is Kind.GAP else ""
        before_answer = _NUMBER.match("".join([part.plain for part in inside]))
        if not number and before_answer:
            # the number before the answer is cut off
            number = before_answer[1] or ""
            length_left = before_answer.end()
            for part in inside:
                if length_left > 0 and part.kind is Kind.TEXT:
                    length = len(part.plain)
                    part.plain = part.plain[length_left:]
                    part.markdown = part.plain
                    length_left -= length
        # the hint moves to the token that closes: `answer;;hint`
        last = inside[-1]
        answer, _, hint = last.plain.partition(";;")
        if last.kind is Kind.TEXT and answer and hint:
            last.plain = answer
            last.markdown = answer
            closer.markdown = f"::{hint}}}}}"
        if not number:
            unnumbered += 1
            number = "1" if gaps.together else str(unnumbered)
        for end in (token, closer):
            end.note = number
            end.kind = Kind.GAP
