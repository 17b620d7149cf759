"""The ledger: the highlights, decisions and cards of a workspace, accessed through `Ledger`."""

from ankiforge.ledger.cards import HighlightOutcome, HistoryEntry, LocatedSkippedText
from ankiforge.ledger.core import Ledger
from ankiforge.ledger.database import wrap_database_errors
from ankiforge.ledger.decision_plans import NoteTakeover
from ankiforge.ledger.draft_groups import NO_WARNING_REASON, Offer, get_draft_sort_key
from ankiforge.ledger.events import StoredContent
from ankiforge.ledger.foreign_history import SCHEDULER
from ankiforge.ledger.item_lists import QUERY_FIELDS, QueryTerm
from ankiforge.ledger.passage_states import UNCARDED_STATUSES, PassageStatus
from ankiforge.ledger.pending_items import PendingItems
from ankiforge.ledger.readings import IngestReport

__all__ = [
    "NO_WARNING_REASON",
    "QUERY_FIELDS",
    "SCHEDULER",
    "UNCARDED_STATUSES",
    "HighlightOutcome",
    "HistoryEntry",
    "IngestReport",
    "Ledger",
    "LocatedSkippedText",
    "NoteTakeover",
    "Offer",
    "PassageStatus",
    "PendingItems",
    "QueryTerm",
    "StoredContent",
    "get_draft_sort_key",
    "wrap_database_errors",
]
