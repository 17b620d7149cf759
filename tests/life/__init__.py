"""A driver of ordinary life: random histories of notes, a person, Anki and one or two machines."""
