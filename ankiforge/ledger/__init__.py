"""The ledger: highlights, decisions and cards of a workspace. The door is `Ledger`.

Two files are separate: `Replies`, which were paid for, and `CacheFile`, which only saves time.
"""

from ankiforge.ledger.belonging import SCHEDULER
from ankiforge.ledger.cards import HighlightOutcome, HistoryEntry, LeftOutThere
from ankiforge.ledger.core import Ledger
from ankiforge.ledger.database import (
    CACHE_FILE,
    REPLIES_FILE,
    CacheFile,
    Replies,
    readable_errors,
)
from ankiforge.ledger.decide import FLOOD
from ankiforge.ledger.decided import TakenOver
from ankiforge.ledger.events import Wording
from ankiforge.ledger.offers import NO_WARNING, Offer, rank
from ankiforge.ledger.overview import WITHOUT, Order
from ankiforge.ledger.questions import BACKS_SHOWN, LinesOfFront, lines_by_front
from ankiforge.ledger.readings import Report
from ankiforge.ledger.tables.lines import FIELDS, QueryTerm

__all__ = [
    "BACKS_SHOWN",
    "CACHE_FILE",
    "FIELDS",
    "FLOOD",
    "NO_WARNING",
    "REPLIES_FILE",
    "SCHEDULER",
    "WITHOUT",
    "CacheFile",
    "HighlightOutcome",
    "HistoryEntry",
    "Ledger",
    "LeftOutThere",
    "LinesOfFront",
    "Offer",
    "Order",
    "QueryTerm",
    "Replies",
    "Report",
    "TakenOver",
    "Wording",
    "lines_by_front",
    "rank",
    "readable_errors",
]
