"""How other tools write cards in notes: each tool one module, all of one protocol.

A dialect is asked for by its name in `cards:` (`choice`). It reads a note as a `page`, and what
it finds is given its place in the note's plain text (`placing`), which is the same whatever
dialects are read. What a dialect reads goes before what we would read there; of several
dialects the one that stands first in `cards:`.
"""
