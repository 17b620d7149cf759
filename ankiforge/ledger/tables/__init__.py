"""The SQL of the ledger. Each function runs a query or statement, usually for many rows at once.

The modules with the rules don't import these modules. They take values that were loaded by these
functions, which also write the changes that the rules return.
"""
