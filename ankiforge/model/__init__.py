"""The immutable values that pass between the packages, and the functions that compute ids.

A highlight is read in `extract`, drafted in `draft`, checked in `check`, stored in the
`ledger`, and shipped as a note by `anki`. Each stage returns new values.

    values        the base class, ids, hashes, names for plain shapes, kinds of cards
    highlights    documents and highlights
    hints         other ids of a mark or a work
    sources       what sources yield
    seen          what Anki has
    cards         drafts, cards, remarks and questions, and notes to be shipped
"""

from ankiforge.model.cards import *
from ankiforge.model.highlights import *
from ankiforge.model.hints import Hint as Hint
from ankiforge.model.seen import *
from ankiforge.model.sources import *
from ankiforge.model.values import *
