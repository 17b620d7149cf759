"""Whether a document or highlight was in its source when the source was last read."""

from __future__ import annotations

from enum import StrEnum


class SourceState(StrEnum):
    """The state of a document or highlight. The values are stored, and SQL names them."""

    PRESENT = "present"
    MISSING = "missing"
    """The highlight wasn't in the last complete scan. Documents are never missing."""
    GONE = "gone"
    """The highlight was missing in two scans, or the document in one."""
    UNSELECTED = "unselected"
    """No setting or choice selects it any more."""
    JOURNAL = "journal"
    """It is known only from the journal, because another device has read it."""
