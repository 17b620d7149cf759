"""The immutable values that pass between the packages, and the functions that compute ids.

A highlight is read in `extract`, drafted in `draft`, checked in `check`, stored in the
`ledger`, and shipped as a note by `anki`. Each stage returns new values.

    values        the base class, keys, names for plain shapes
    kinds         the kinds of cards, and the note types that they are shipped as
    highlights    documents and highlights
    hints         other ids of a mark or a work
    sources       what sources yield
    seen          what Anki has
    cards         drafts, cards, and notes to be shipped
    questions     remarks on cards and drafts, and what only a person can say
    ids           hashes and ids
"""

from ankiforge.model.cards import *
from ankiforge.model.highlights import *
from ankiforge.model.hints import Hint as Hint
from ankiforge.model.seen import *
from ankiforge.model.sources import *
from ankiforge.model.values import *
