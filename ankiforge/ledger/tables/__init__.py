"""The queries of the ledger, by name: each function is one query or statement, for many rows.

Rules import none of it: they are handed the values that these functions read, and what they return
is written here.
"""
