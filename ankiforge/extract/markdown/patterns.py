"""Patterns for hand-written cards, and for passages that other programs export into notes.

They serve two purposes: a quick check whether a note must be parsed at all, and parsing its
blocks.
"""

from ankiforge.model import Value
from ankiforge.text import WordMatcher, regex

# --- hand-written cards -----------------------------------------------------------------

BOLD_MARKER = r"(?:\*\*|__)?"
QUESTION_LABEL = (
    rf"(?:[-*+][ \t]+|\d{{1,4}}[.)][ \t]+)?{BOLD_MARKER}"
    rf"(?P<label>(?:Q|Question|F|Frage|问|問)\s?\d{{0,4}}){BOLD_MARKER}"
    rf"(?::{BOLD_MARKER}[ \t]|：{BOLD_MARKER})"
)
"""The label of a question, such as `Q:`. It may be bold, numbered or in a list."""
BRACKET_CARD_LABEL = r"C:[ \t]+(?=\S)"
"""The label of a hashcards text in which each bracket is a gap."""
CARD_TAG = r"(?P<tag>#card(?P<reverse>[/-]reverse)?(?![\w/-])|#?\[\[card\]\])"
"""The tag of a question with the answer below, as in Logseq and flashcards-obsidian."""
MIN_TERMS = 6
"""The minimum number of lines `Term: meaning` that make a list look like a glossary."""


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
    """The keywords that Obsidian_to_Anki uses for cards, decks and tags.

    They're read from the plug-in's settings file, where they have the names given in
    `rename`.
    """

    begin: str = "START"
    end: str = "END"
    begin_inline: str = "STARTI"
    end_inline: str = "ENDI"
    deck: str = "TARGET DECK"
    tags: str = "FILE TAGS"


# --- passages of other programs ---------------------------------------------------------

HIGHLIGHTS_WORD = r"\b(?:highlights?|annotations?|clippings|markierungen|surlignements)\b"
_LOCATION_NUMBER = r"[\divxlc]+(?:[-–]\d+)?"
# Only the page is captured as `label`, because cards don't cite Kindle locations.
LOCATION = (
    rf"(?:(?:locations?|loc\.?|position|pos\.?|emplacement)\s{{0,9}}:?\s{{0,9}}{_LOCATION_NUMBER}"
    rf"|(?:pages?|seite|página)\s{{0,9}}:?\s{{0,9}}(?P<label>{_LOCATION_NUMBER}))"
)
# How a line such as `Highlight (yellow) - Page 42 · Location 2000` begins.
HIGHLIGHT_WORDS = ("highlight", "markierung", "surlignement")
TEXT_BEFORE_LOCATION = rf"(?:{'|'.join(HIGHLIGHT_WORDS)})\b.{{0,80}}?"
# Readwise writes this phrase into a Logseq page, above the blocks with the passages, such as
# `Highlights first synced by [[Readwise]] [[Mar 12th, 2023]]`.
_SYNCED_PHRASE = r"(?:new )?highlights (?:first synced by|added)\b"
SYNCED_ITEM = regex(rf"(?i)\W*{_SYNCED_PHRASE}")
"""The list item above such passages, which says when they were synced."""
EXPORT_SIGN = regex(
    rf"(?im)\n[ \t>]*+(?:#++[ \t]++.*(?:{HIGHLIGHTS_WORD}|{LOCATION})|[-*+][ \t]+{_SYNCED_PHRASE}"
    rf"|[*_]*{TEXT_BEFORE_LOCATION}(?:location|loc|page|seite|position|pos)\b[^\n]{{1,20}}$)"
)
"""A heading or list item above exported passages, with the line end before it."""
BACKLINK_NAME = r"view (?:highlight|tweet)|highlight link"
ENDS_WITH_BACKLINK = regex(
    rf"(?i)\(\[(?:{LOCATION}|{BACKLINK_NAME})\]\([^()\s]*\)\)\s*\Z"
)
"""A link at the end of a passage that leads to its location."""
_BACKLINK_SIGNS = WordMatcher(
    *("readwise.io/", "kindle:", "omnivore.app/", "glasp.co/", "hyp.is/", "hypothes.is/"),
    *("instapaper.com/", "view highlight](", "view tweet](", "highlight link]("),
)
REMARK_WORD = (
    r"comments?|notes?|annotations?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记"
)
"""The words that introduce a reader's comment before a colon."""


def may_have_backlink(folded: str) -> bool:
    """Return whether a casefolded text may link from a passage back to its source."""
    return "](" in folded and _BACKLINK_SIGNS.matches(folded)
