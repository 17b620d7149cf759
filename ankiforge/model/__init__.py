"""The immutable values that pass between the packages, and the functions that compute ids.

A highlight is read by `extract`, drafted by `draft`, checked by `check`, stored by `ledger`, and
exported as a note by `anki`. Each stage returns new values.

    values        the base class, type aliases, ids, hashes, and kinds of cards
    highlights    documents and highlights
    hints         other ids that identify a mark or work in another source
    sources       what sources yield
    anki          what is read from Anki
    cards         drafts, cards, remarks and questions, and notes to export
"""

from ankiforge.model.anki import *
from ankiforge.model.cards import *
from ankiforge.model.highlights import *
from ankiforge.model.hints import Hint as Hint
from ankiforge.model.sources import *
from ankiforge.model.values import *
