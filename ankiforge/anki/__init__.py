"""To Anki and back: Markdown → field HTML, the two note types, packages, and what Anki has.

    render, unrender   Markdown → HTML of a field, and back
    notetypes, cards   the note types; the cards that a note makes, and what they show
    notes, identity    the note of a card; how it is recognised, and an edit of it
    package            the `.apkg`
    collection         read a collection or an export
    connect            a running Anki, through AnkiConnect
    merge, sync        merge three revisions of a note; decide what to ship of each card

Import from these modules; nothing is imported here, so that a start stays light.
"""
