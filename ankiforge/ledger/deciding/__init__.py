"""What a person decides, and what of it is undone, undecided or to be decided again."""
