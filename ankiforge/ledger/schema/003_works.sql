-- One work under several names: documents that are one, and highlights reached by several ways.

ALTER TABLE document ADD COLUMN work TEXT NOT NULL DEFAULT '';    -- the first of those it is one with; '' = itself
ALTER TABLE document ADD COLUMN since TEXT NOT NULL DEFAULT '';   -- the run that saw it first, by number
CREATE INDEX document_work ON document (work);
CREATE INDEX identifier_document ON identifier (document);
CREATE INDEX page_fold_fold ON page_fold (fold);

-- Of a highlight that is reached by more than one way, each of them; the one that tells its
-- content stands in `highlight`, too.
CREATE TABLE way (
    key TEXT NOT NULL REFERENCES highlight (key),
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    route INTEGER NOT NULL,
    position INTEGER NOT NULL,
    mark TEXT NOT NULL,
    text TEXT NOT NULL,
    body TEXT NOT NULL,
    run TEXT NOT NULL,
    missing_at TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (key, container, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX way_place ON way (container, place, position);

CREATE INDEX decision_move ON decision (json_extract(body, '$.to')) WHERE what = 'move';
