"""`ankiforge eval`: draft cards for a fixed set of passages, have them rated blind, and count.

The program does without this package: only the command `eval` imports it.
"""
