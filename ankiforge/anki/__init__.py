"""Everything that depends on Anki's formats: notes, note types, packages and collections.

`notes` builds a card's note from fields that `render` converts to HTML, in a note type from
`notetypes`. `layout` finds our fields in a note, `content` builds what we would write there,
`merge` merges that with the note in Anki, and `plan` decides what to export. `package` writes the
`.apkg`, and `connect` talks to a running Anki. `profiles` finds collections, and `collection` reads
them.

Import from these modules. The package itself imports nothing, so that the program starts fast.
"""
