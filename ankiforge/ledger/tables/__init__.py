"""SQL of the ledger that several modules run. Other SQL is beside its only caller.

The modules with the rules don't import these modules. They take values that were loaded by these
functions, which also write the changes that the rules return.
"""
