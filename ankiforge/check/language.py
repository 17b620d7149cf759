"""Language: a card is in the language of its passage. Short texts are spared: they tell nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import asked_by_reader, authored, read
from ankiforge.check.lexical.words import listed
from ankiforge.check.rule import Rule
from ankiforge.check.source.evidence import around
from ankiforge.model import Draft, Finding, Severity

OTHER_LANGUAGE = Rule("other_language", Severity.WARN, "is not in the language of the passage:")
RULES = (OTHER_LANGUAGE,)

_COMMON = {
    name: frozenset(listed(words))
    for name, words in {
        "English": """the of and to in is that it was for on are with as by at be this which from or an
            have not were has but they their what does how many can after who when where its""",
        "German": """der die das und ist nicht von mit für auf den dem des ein eine einer werden wird sich
            auch bei nach aus wie welche welcher welches wer wann durch oder sind zu im am über als""",
        "French": """le la les des du de et est une un dans que qui pour pas sur par plus avec ce cette au aux
            sont quel quelle quels quelles combien ne se il elle ou où leur leurs""",
        "Spanish": """el la los las de del y es en un una que por con para no su se al lo como más qué cuál
            cuántos cuándo dónde quién son o sus fue ha""",
        "Italian": """il lo la gli le di del della dei e è un una che per non con si nel nella sono come più
            quale quali quanto chi dove anche da al dal""",
        "Portuguese": """o a os as do da dos das e é um uma que por com para não se no na em mais qual quais
            quando onde quem são ao à foi""",
        "Dutch": """de het een en van is dat die niet op te in met voor zijn er aan door om als bij ook welke
            hoe wie wat wordt worden""",
    }.items()
}
_SCRIPTS = ("CYRILLIC", "GREEK", "ARABIC", "HEBREW", "HANGUL", "DEVANAGARI", "THAI", "LATIN")
_MANY_LETTERS = 12
_CLEAR = 3
"""So many common words of a language, and so many more than of the next, tell it."""


@lru_cache(maxsize=256)
def script(text: str) -> str:
    """The writing of most letters; "" where they are few."""
    plain = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|https?://\S+", " ", text[:4000])
    counts: dict[str, int] = {}
    if plain.isascii():
        return "LATIN" if sum(map(str.isalpha, plain)) >= _MANY_LETTERS else ""
    for letter in plain:
        if letter.isalpha():
            name = "LATIN" if letter.isascii() else _script_of(letter)
            counts[name] = counts.get(name, 0) + 1
    total = sum(counts.values())
    name = max(counts, key=lambda each: counts[each], default="")
    enough = total >= (_MANY_LETTERS if name != "CJK" else _MANY_LETTERS // 3)
    return name if enough and counts[name] > 0.6 * total else ""


@lru_cache(maxsize=4096)
def _script_of(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return "CJK"
    return next((each for each in _SCRIPTS if name.startswith(each)), name.partition(" ")[0])


@lru_cache(maxsize=256)
def language(text: str) -> str:
    """The language of a text in Latin letters, "" unless its small words leave no doubt."""
    words = re.findall(r"[^\W\d_]+", text[:4000].casefold())
    scores = sorted(
        ((sum(word in common for word in words), name) for name, common in _COMMON.items()),
        reverse=True,
    )
    (best, name), (next_best, _) = scores[:2]
    clear = best >= _CLEAR and best - next_best >= _CLEAR and best >= 0.15 * len(words)
    return name if clear else ""


def other_language(draft: Draft, context: Context) -> Iterator[Finding]:
    """Script and small words of the card are those of the passage, or of the reader's comment."""
    if authored(draft) or asked_by_reader(draft):
        return
    card, passage = read(draft).whole, around(context.highlight)
    comment = context.highlight.comment if context.highlight.instructs else ""
    for tell in (script, language):
        here, there = tell(card), tell(passage)
        if here and there and here != there and here != (comment and tell(comment)):
            yield OTHER_LANGUAGE.found(f"{here.capitalize()}, not {there.capitalize()}")
            return


CHECKS = (other_language,)
