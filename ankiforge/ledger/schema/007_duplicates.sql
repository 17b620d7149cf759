-- The duplicate index: by which words a card, or a note in Anki that is not ours, is found. A card
-- that is rejected, retired or deleted has no row. A row changes in the transaction that changes the
-- words; `unread` says that its search terms are to be made from them before the next search. None
-- of it is in the journal: all of it can be made again from cards and notes.

DROP TABLE twin_mark;

CREATE TABLE duplicate_card (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,                 -- a guid, or nid:<Anki's id>
    digest TEXT NOT NULL DEFAULT '',         -- of kind and fields
    unread INTEGER NOT NULL DEFAULT 1,
    exact BLOB NOT NULL DEFAULT x'',         -- digest of the exact form; empty = equals no other
    words TEXT NOT NULL DEFAULT '',          -- stems of its content words
    finders TEXT NOT NULL DEFAULT ''         -- pairs of ideographs
) STRICT;
CREATE INDEX duplicate_card_unread ON duplicate_card (place) WHERE unread = 1;
CREATE INDEX duplicate_card_exact ON duplicate_card (exact) WHERE exact <> x'';

CREATE TABLE duplicate_word (
    word TEXT NOT NULL,                      -- one of `words` or `finders`
    place INTEGER NOT NULL,
    PRIMARY KEY (word, place)
) STRICT, WITHOUT ROWID;

INSERT INTO duplicate_card (id)
    SELECT guid FROM card WHERE standing = 'live' AND verdict <> 'rejected' ORDER BY guid;
INSERT INTO duplicate_card (id)
    SELECT DISTINCT 'nid:' || id FROM foreign_note WHERE fields <> '' ORDER BY id;
INSERT INTO meta VALUES ('duplicates:changes', '0');
