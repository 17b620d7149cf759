"""Take over the notes that other tools made in Anki, with their history.

    tools       how each tool marks its notes, and which fields are which
    match       find the passage of each note, and tell what fits
    notes       write a correction into such a note
    schedules   read the schedules of obsidian-spaced-repetition

Import from these modules. Nothing is imported here, to keep the start of the program fast.
"""
