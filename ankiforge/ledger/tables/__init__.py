"""The SQL of the ledger: each function runs a query or statement, usually for many rows at once.

The modules with the rules don't import these modules. They take values that were loaded here, and
the changes that they return are written here.
"""
