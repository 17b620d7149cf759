"""Take over the notes that other tools made in Anki, with their history.

    decks       read the files of yanki and AnkiOps, and schedules of obsidian-spaced-repetition
    match       find the passage of each note, and tell what fits
    notes       write a correction into such a note

Import from these modules. Nothing is imported here, to keep the start of the program fast.
"""
