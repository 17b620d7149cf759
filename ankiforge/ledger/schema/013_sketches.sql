-- What is remembered of the words of each document, to recognise it under another name.

-- A row stays while highlights have their place there, listed or not: what was cut out of a vault
-- today may come back tomorrow. Rows may be deleted at any time: the document is then not recognised.
CREATE TABLE sketch (
    container TEXT NOT NULL,
    place TEXT NOT NULL,            -- as in `highlight`
    path TEXT NOT NULL,             -- as in `ingested`
    words TEXT NOT NULL,            -- as `text.renames.encode` writes it
    PRIMARY KEY (container, place, path)
) STRICT, WITHOUT ROWID;
ALTER TABLE scanned_document ADD COLUMN sketch TEXT NOT NULL DEFAULT '';
