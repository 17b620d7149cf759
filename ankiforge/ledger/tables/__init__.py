"""SQL of the ledger that is used by several modules. Any other SQL is next to its only caller.

The modules with the rules don't import this package. Its functions load the values that the
rules take as arguments, and write the changes that the rules return.
"""
