-- What was taken in of each document, so that the next run reads only what has changed.

-- A row for each document of each file: a PDF and its copy are two rows of one place, a vault note
-- or a paper of a library is one row. Rows may be deleted at any time: the document is read again.
CREATE TABLE ingested (
    container TEXT NOT NULL,
    place TEXT NOT NULL,            -- as in `highlight`; '' of a document without highlights
    path TEXT NOT NULL,             -- what the source calls it in its listing
    fingerprint TEXT NOT NULL,      -- of the source; '' = it must be read to know
    depends TEXT NOT NULL,          -- JSON: what reading it depended on, as the source calls it
    digest TEXT NOT NULL,           -- of what was read
    pictures TEXT NOT NULL,         -- JSON: the names of the pictures that were cut from it
    run TEXT NOT NULL,              -- that read it; its highlights found then have the same
    PRIMARY KEY (container, place, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX ingested_path ON ingested (container, path);

-- What a run has read and not yet taken in; emptied when keys are issued.
DROP TABLE sighting;
CREATE TABLE scanned_document (
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    depends TEXT NOT NULL,
    digest TEXT NOT NULL,
    pictures TEXT NOT NULL,
    PRIMARY KEY (container, place, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE scanned (
    run TEXT NOT NULL,
    id INTEGER NOT NULL,            -- in the order of reading
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    path TEXT NOT NULL,
    position INTEGER NOT NULL,      -- within its document
    route INTEGER NOT NULL,
    own TEXT NOT NULL,
    mark TEXT NOT NULL,
    text TEXT NOT NULL,
    length INTEGER NOT NULL,
    key TEXT NOT NULL DEFAULT '',
    asked TEXT NOT NULL DEFAULT '',
    body TEXT NOT NULL,
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scanned_place ON scanned (run, container, place, path, id);
CREATE INDEX scanned_own ON scanned (run, own);
CREATE INDEX scanned_key ON scanned (run, key);

-- Positions count within a document, no longer through all documents of a run.
CREATE TEMP TABLE first_position AS
    SELECT container, place, min(position) AS n FROM (
        SELECT container, place, position FROM highlight WHERE run <> ''
        UNION ALL SELECT container, place, position FROM way)
    GROUP BY container, place;
CREATE INDEX temp.first_position_place ON first_position (container, place);
UPDATE highlight SET position = position + 1 - (SELECT f.n FROM first_position f
    WHERE f.container = highlight.container AND f.place = highlight.place) WHERE run <> '';
UPDATE way SET position = position + 1 - (SELECT f.n FROM first_position f
    WHERE f.container = way.container AND f.place = way.place);
DROP TABLE first_position;

CREATE INDEX highlight_found ON highlight (container, place, run, presence, presence_why);
CREATE INDEX highlight_own ON highlight (json_extract(body, '$.own'))
    WHERE json_extract(body, '$.own') <> '';
CREATE INDEX way_found ON way (container, place, run, missing_at);
