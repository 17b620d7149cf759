"""Figures, lists and searches over all of the ledger; nothing here writes to it."""
