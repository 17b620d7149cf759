"""The immutable values that pass between the packages, and the functions that compute ids.

A highlight is read in `extract`, drafted in `draft`, checked in `check`, stored in the `ledger`, and
shipped as a note by `anki`. Each stage returns new values.
"""

from ankiforge.model.cards import *
from ankiforge.model.highlights import *
from ankiforge.model.hints import Hint as Hint
