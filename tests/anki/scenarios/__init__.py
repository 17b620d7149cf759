"""The words of the scenario tables.

A row is a story: steps (`steps`) with packages (`packages`) on a collection (`bench`), or on two
that sync (`devices`), and what Anki answers afterwards. The real Anki is needed only when a step
is taken, so that the tables can be read without it.
"""
