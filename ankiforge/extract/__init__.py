"""Sources: readers that yield what a person marked, and report whether they saw everything.

    sources:
      - obsidian: {name: notes, path: ~/Vault}

- `base` says what a source is: one class, `SourceType`; it scans an open one.
- `registry` lists the sources.
- `discover` finds out which of them reads a file or a folder.
- `folder` is the common base of sources that read the files of a folder; `files` reads files.
- `markdown`, `pdf`, `zotero` and `exports` are the sources.
`docs/internals/plug-ins.md` adds one from outside.
"""
