"""The signs of hand-written cards, and of passages that other programs keep in notes.

They are looked for before a note is parsed, and again in its blocks.
"""

from ankiforge.model import Value
from ankiforge.text import AnyOf, regex

# --- hand-written cards -----------------------------------------------------------------

BOLD = r"(?:\*\*|__)?"
ASKED = (
    rf"(?:[-*+][ \t]+|\d{{1,4}}[.)][ \t]+)?{BOLD}"
    rf"(?P<label>(?:Q|Question|F|Frage|问|問)\s?\d{{0,4}}){BOLD}(?::{BOLD}[ \t]|：{BOLD})"
)
"""The beginning of a question in letters, `Q: …`, maybe bold, in a list, or with a number."""
GAPPED = r"C:[ \t]+(?=\S)"
"""The beginning of a text of hashcards with gaps in brackets."""
FEWEST_TERMS = 6
"""Lines `Term: meaning`, from which a list looks like a glossary."""


class FieldWords(
    Value,
    rename={
        "begin": "Begin Note",
        "end": "End Note",
        "begin_inline": "Begin Inline Note",
        "end_inline": "End Inline Note",
        "deck": "Target Deck Line",
        "tags": "File Tags Line",
    },
):
    """The words around the cards, the deck and the tags of Obsidian_to_Anki, as it names them."""

    begin: str = "START"
    end: str = "END"
    begin_inline: str = "STARTI"
    end_inline: str = "ENDI"
    deck: str = "TARGET DECK"
    tags: str = "FILE TAGS"


# --- passages of other programs ---------------------------------------------------------

ABOUT = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements|高亮划线|划线评论)\b"
_NUMBER = r"[\divxlc]+(?:[-–]\d+)?"
# Only a page has a label: a card does not cite locations of a Kindle.
PLACE = (
    rf"(?:(?:locations?|loc\.?|position|pos\.?|emplacement)\s{{0,9}}:?\s{{0,9}}{_NUMBER}"
    rf"|(?:pages?|seite|página)\s{{0,9}}:?\s{{0,9}}(?P<label>{_NUMBER}))"
)
# `Highlight (yellow) - Page 42 · Location 2000`: what stands before the place.
WORDS_FOR_MARK = ("highlight", "markierung", "surlignement")
MARK = rf"(?:{'|'.join(WORDS_FOR_MARK)})\b.{{0,80}}?"
# Readwise writes it into a page of Logseq, with the passages in the blocks below:
# `Highlights first synced by [[Readwise]] [[Mar 12th, 2023]]`.
_SYNCED = r"(?:new )?highlights (?:first synced by|added)\b"
SYNCED_ITEM = regex(rf"(?i)\W*{_SYNCED}")
"""An item above such passages, which says when they came."""
SIGN = regex(
    rf"(?im)\n[ \t>]*+(?:#++[ \t]++.*(?:{ABOUT}|{PLACE})|[-*+][ \t]+{_SYNCED}"
    rf"|[*_]*{MARK}(?:location|loc|page|seite|position|pos)\b[^\n]{{1,20}}$)"
)
"""The end of a line, and a heading or item above such passages."""
LINK = r"view (?:highlight|tweet)|highlight link"
ENDS_WITH_LINK = regex(rf"(?i)\(\[(?:{PLACE}|{LINK})\]\([^()\s]*\)\)\s*\Z")
"""The source of a passage, or of its last lines, with a link to its place behind it."""
_MAY_LINK_BACK = AnyOf(
    *("readwise.io/", "kindle:", "omnivore.app/", "glasp.co/", "hyp.is/", "hypothes.is/"),
    *("instapaper.com/", "view highlight](", "view tweet](", "highlight link]("),
)
REMARK_WORD = (
    r"comments?|notes?|annotations?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记"
)
"""What introduces a reader's words about a passage, before a colon."""


def may_link_back(folded: str) -> bool:
    """Return whether a text, casefolded, may have a link back to a passage."""
    return "](" in folded and _MAY_LINK_BACK.is_in(folded)
