"""Anki's formats: fields, note types, packages, collections, and AnkiConnect.

`notes` builds a card's note from fields that `render` converts, in a note type from `notetypes`.
`plan` merges that note with the one in Anki and decides what to ship. `package` writes the
`.apkg`, and `connect` controls a running Anki. `profiles` finds collections, and `collection`
reads them.

Import from these modules. The package itself imports nothing, so that the program starts fast.
"""
