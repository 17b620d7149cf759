"""The identity of facts: golden and random histories of one passage, through the program's own ledger."""
