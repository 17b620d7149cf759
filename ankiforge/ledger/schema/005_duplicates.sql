-- What the duplicate search remembers. All of it can be made anew; none of it is in the journal.

-- Notes in Anki that are not ours, as plain text.
CREATE TABLE foreign_note (
    place TEXT NOT NULL,            -- the collection
    id INTEGER NOT NULL,            -- Anki's
    mod INTEGER NOT NULL,
    deck TEXT NOT NULL,             -- of its first card
    fields TEXT NOT NULL,           -- JSON: Front and Back, or Text; '' = nothing to compare
    PRIMARY KEY (place, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX foreign_note_id ON foreign_note (id);

-- What the search keeps of a card's or note's words, lest all are read anew in each run.
CREATE TABLE twin_mark (
    id TEXT PRIMARY KEY,            -- a guid, or nid:<Anki's id>
    words TEXT NOT NULL,            -- a digest of the words it was read from
    mark TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Twins whose words have changed since a finding named them.
CREATE TABLE reworded (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE INDEX finding_twin ON finding (json_extract(body, '$.twin'))
    WHERE json_extract(body, '$.twin') <> '';
CREATE INDEX decision_apart ON decision (json_extract(body, '$.twin'))
    WHERE what = 'not-duplicate';
CREATE INDEX decision_recover ON decision (sequence) WHERE what = 'recover';
