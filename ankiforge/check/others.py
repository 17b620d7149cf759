"""Which findings count for cards that are not ours: the last column of `data/rules.txt`.

Drafts must pass every check. Of the findings on strangers' decks, two of five were true, so
there a rule counts only under the conditions of its row:

    never         not at all
    <= N          with this limit in place of its own; only what a person reads is counted
    asks          the front is a question of at least three words
    a question    the card is no cloze
    a sentence    the side has more than two words
    no options    the front shows no answers to choose from
    no choice     the front offers no alternatives
    no code, no formula, no picture
    no hint       no gap has a hint, which asks
    bare          the answer is hardly more than yes or no, and no value that `what` asks for
    in words      the finding quotes a word, and not only signs
    no purpose    it does not ask for what is main or key, which one thing may be
    no definition what was found does not begin a definition: `what is a generic method in Java?`
    equal         only for equal cards, not for similar ones
"""

from __future__ import annotations

from collections.abc import Callable

from ankiforge.check.reading import RULES, counted_as, is_choice, without_markup
from ankiforge.model import Card, Family, Finding
from ankiforge.text import cloze, regex
from ankiforge.text.lists import has_options, is_code, things

_ASKS = regex(
    r"(?i)\?|？|\b(?:what|which|who|when|where|why|how|is|are|does|do|can|was|wer|wie|wo"
    r"|wann|warum|welche\w*|ist|sind|kann|können|quel\w*|qui|est-ce|qué|cuál\w*)\b"
)
_PURPOSE = regex(
    r"(?i)\b(?:primary|main|key|core|essential|fundamental|central|important)\b"
)
_DEFINED = regex(r"(?i)what (?:is|was) an? ")
_NAMES = regex(
    r"(?i)\W*(?:what|which|who|when|where|how|wer|wie|wo|wann|welche\w*|qu[eé]\w*)\b"
)
_BARE = regex(
    r"(?i)(?:yes|no|true|false|ja|nein|oui|non|sí|sì|verdadero|falso|vrai|faux)\b[^\s?]*"
    r"(?:\s+[^\s?!]+){0,5}"
)
_PICTURE = regex(r"!\[[^\]\n]*\]\([^)\n]*\)")
_FORMULA = regex(r"(?s)\$\$?[^$]+\$\$?|\\\(.+?\\\)|\\\[.+?\\\]")
_READING = regex(r"\\?\[[぀-ヿー]+\\?\]")
_WIDE = regex(r"[぀-ヿ一-鿿]")
_CONDITIONS: dict[str, Callable[[Card, str], bool]] = {
    "asks": lambda card, front: bool(_ASKS.search(front)) and len(front.split()) > 2,
    "a question": lambda card, front: card.family is Family.BASIC,
    "a sentence": lambda card, front: len(without_markup(front).split()) > 2,
    "no options": lambda card, front: not has_options(front),
    "no choice": lambda card, front: not is_choice(front),
    "no code": lambda card, front: not is_code(f"{front}\n{card.field('Back')}"),
    "no formula": lambda card, front: not _FORMULA.search(front),
    "no picture": lambda card, front: not _PICTURE.search(front),
    "no hint": lambda card, front: not any(gap.hint for gap in cloze.gaps(front)),
    "bare": lambda card, front: (
        _BARE.fullmatch(card.field("Back").strip()) is not None
        and not _NAMES.match(front)
    ),
    "no purpose": lambda card, front: not _PURPOSE.search(front),
    "equal": lambda card, front: True,
}
"""By the words of the column: of a card and its front, or the text of a cloze."""
_OF_RULE = {rule.id: rule.others for rule in RULES}
_LENGTHS: dict[str, Callable[[Card, str], int]] = {
    "answer_gt20w": lambda card, front: words_read(card.field("Back")),
    "front_gt30w": lambda card, front: words_read(front),
    "cloze_gt40w": lambda card, front: words_read(cloze.words_of(front)),
    "set": lambda card, front: asked_at_once(card),
    "gap_gt8w": lambda card, front: max(
        (words_read(gap.answer) for gap in cloze.gaps(front)), default=0
    ),
}
"""By the rule: the number of words that a person reads of what it limits."""


def tempered(card: Card, finding: Finding) -> Finding | None:
    """Return a finding about a card that is not ours; None if a person would not act on it."""
    front = card.field("Text") or card.field("Front")
    for condition in _OF_RULE[finding.check]:
        if condition == "never":
            return None
        if condition == "in words":
            if not any(map(str.isalpha, _quoted(finding))):
                return None
            continue
        if condition == "no definition":
            if _DEFINED.match(_quoted(finding)):
                return None
            continue
        if not condition.startswith("<="):
            if not _CONDITIONS[condition](card, front):
                return None
            continue
        most = int(condition.removeprefix("<="))
        number = _LENGTHS[finding.check](card, front)
        if number <= most:
            return None
        finding = counted_as(finding, number, most)
    return finding


def asked_at_once(card: Card) -> int:
    """Return how many things a card asks at once: of a cloze, the gaps of its only number."""
    text = card.field("Text")
    if card.family is Family.BASIC:
        return len(things(card.field("Front"), card.field("Back")))
    if len(cloze.numbers(text)) != 1:
        return 1
    return len({gap.answer.casefold() for gap in cloze.gaps(text)})


def _quoted(finding: Finding) -> str:
    """Return the words that a finding quotes, without the question mark."""
    return finding.message.rpartition("“")[2].rstrip("”").rstrip(" ?")


def words_read(text: str) -> int:
    """Count the words that a person reads: a formula is one, a picture none, two kana one."""
    text = without_markup(_FORMULA.sub(" x ", _PICTURE.sub(" ", text)))
    text = _READING.sub("", text)
    wide = len(_WIDE.findall(text))
    return wide // 2 + len(_WIDE.sub(" ", text).split())
