"""Sources: readers that yield what users marked, and report whether everything could be read.

    sources:
      - obsidian: {name: notes, path: ~/Vault}

`base` defines a source (`SourceType`) and its scan, `registry` lists the sources, and `discover`
finds the source of a path. `file_source` is the base of the sources that read the files of a
directory, for which `files` has helpers. The other modules and packages are the sources.
"""
