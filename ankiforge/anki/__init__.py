"""Everything that knows Anki's formats: fields, note types, packages, collections, AnkiConnect.

    render                  convert Markdown to the HTML of a field, and back
    notetypes               our two note types, the cards of a note, how a note is recognised
    notes                   build the note of a card
    package                 write the `.apkg`
    profiles                where Anki keeps its collections
    database, collection    read a collection or an export
    connect                 talk to a running Anki through AnkiConnect
    plan                    merge three revisions of a note; decide what to ship of each card

Import from these modules. Nothing is imported here, to keep the start of the program
fast.
"""
