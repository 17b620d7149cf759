"""To Anki: Markdown → field HTML, the two note types, and the `.apkg`.

`render` makes the HTML of a field, `fields` the note of a card, `package` the file, `content`
the hash by which an edit is noticed, `cards` the cards a note makes, `preview` how they look.
Import from these modules; nothing is imported here, so that a start stays light.
"""
