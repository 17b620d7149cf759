"""Everything that knows Anki's formats: fields, note types, packages, collections, AnkiConnect.

    render, unrender        convert Markdown to the HTML of a field, and back
    notetypes, cards        our two note types; the cards a note makes and what they show
    notes, identity         build the note of a card; recognise it and detect edits
    package                 write the `.apkg`
    database, collection    read a collection or an export
    connect                 talk to a running Anki through AnkiConnect
    plan                    merge three revisions of a note; decide what to ship of each card

Import from these modules. Nothing is imported here, to keep the start of the program fast.
"""
