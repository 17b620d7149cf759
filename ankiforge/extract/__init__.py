"""Sources: read the highlights of documents, and report what couldn't be read.

    sources:
      - obsidian: {name: notes, path: ~/Vault}

`base` defines the base class `SourceType` and scanning, `registry` lists the sources, and
`discover` finds the source for a path. `file_source` is the base of sources that read the
files of a directory, with helpers in `files`. All other modules and packages are sources.
"""
