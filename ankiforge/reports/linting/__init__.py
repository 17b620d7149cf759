"""The checks on any deck: notes of whatever type, read by their own card templates.

notes (Anki, an export, or the ledger) ─▶ faces ─▶ drafts ─▶ findings ─▶ told
"""
