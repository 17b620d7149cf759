"""What the database is asked, by name: each function one query, or one statement, for many rows.

Rules import none of it: they are handed the values that these functions read, and what they return
is written here.
"""
