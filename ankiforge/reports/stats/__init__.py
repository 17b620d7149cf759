"""What came of the cards: the way of the highlights, who draws well, what the answers in Anki say.

`counting` makes one `Statistics` of the ledger; `telling`, `page` and `as_json` show it.
"""
