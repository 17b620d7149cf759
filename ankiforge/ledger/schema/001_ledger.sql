-- The ledger: identities, verdicts, what was shipped, paid-for replies.
-- Tables by name and key are final; columns come by later, numbered files.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    command TEXT NOT NULL,
    finished TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- what was read ------------------------------------------------------------------------------

CREATE TABLE document (
    key TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    place TEXT NOT NULL,            -- where it lies: a vault path, or the key itself
    title TEXT NOT NULL,
    slug TEXT NOT NULL,             -- of the tag; fixed at issue
    deck TEXT NOT NULL DEFAULT '',  -- sticky from its first accepted card
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX document_place ON document (source, place);

CREATE TABLE identifier (
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (key),
    PRIMARY KEY (scheme, value, document)
) STRICT, WITHOUT ROWID;

CREATE TABLE page_fold (
    document TEXT NOT NULL REFERENCES document (key),
    page INTEGER NOT NULL,
    fold TEXT NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (document, page)
) STRICT, WITHOUT ROWID;

CREATE TABLE highlight (
    key TEXT PRIMARY KEY,
    document TEXT NOT NULL REFERENCES document (key),
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    position INTEGER NOT NULL,
    mark TEXT NOT NULL,              -- h16 of the anchor's triple, without n
    text TEXT NOT NULL,              -- h16 of the canonical exact
    content TEXT NOT NULL,           -- what drafting depends on
    body TEXT NOT NULL,
    presence TEXT NOT NULL,
    presence_why TEXT NOT NULL DEFAULT '',
    missing_at TEXT NOT NULL DEFAULT '',
    run TEXT NOT NULL DEFAULT '',    -- that saw it last
    drafted TEXT NOT NULL DEFAULT '',    -- the content that was drafted last
    drafter TEXT NOT NULL DEFAULT '',
    no_card TEXT NOT NULL DEFAULT '',    -- why it has none
    failed TEXT NOT NULL DEFAULT '',     -- what went wrong the last time
    asked TEXT NOT NULL DEFAULT ''       -- why a person should look at its identity
) STRICT, WITHOUT ROWID;
CREATE INDEX highlight_place ON highlight (container, place, position);
CREATE INDEX highlight_mark ON highlight (mark);
CREATE INDEX highlight_text ON highlight (text);
CREATE INDEX highlight_document ON highlight (document, position);
CREATE INDEX highlight_hint ON highlight (json_extract(body, '$.hints[0]'));

CREATE TABLE past_content (
    key TEXT NOT NULL REFERENCES highlight (key),
    content TEXT NOT NULL,
    body TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (key, content)
) STRICT, WITHOUT ROWID;

CREATE TABLE scan (
    run TEXT NOT NULL REFERENCES run (id),
    container TEXT NOT NULL,
    source TEXT NOT NULL,
    complete INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (run, container)
) STRICT, WITHOUT ROWID;

CREATE TABLE sighting (              -- of the run at work; emptied when keys are issued
    run TEXT NOT NULL,
    id INTEGER NOT NULL,
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    path TEXT NOT NULL,
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
CREATE INDEX sighting_place ON sighting (run, container, place, path, id);
CREATE INDEX sighting_own ON sighting (run, own);
CREATE INDEX sighting_key ON sighting (run, key);

-- what was made of it ------------------------------------------------------------------------

CREATE TABLE slot (
    key TEXT NOT NULL,
    family TEXT NOT NULL,
    slot INTEGER NOT NULL,
    quote TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (key, family, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
    guid TEXT PRIMARY KEY,
    key TEXT NOT NULL REFERENCES highlight (key),
    family TEXT NOT NULL,
    slot INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]',
    deck TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT 'pending',
    reason TEXT NOT NULL DEFAULT '',
    standing TEXT NOT NULL DEFAULT 'live',
    standing_why TEXT NOT NULL DEFAULT '',
    anki TEXT NOT NULL DEFAULT 'none',
    anki_why TEXT NOT NULL DEFAULT '',
    accepted_by TEXT NOT NULL DEFAULT '',
    edited INTEGER NOT NULL DEFAULT 0,
    forced INTEGER NOT NULL DEFAULT 0,
    waits TEXT NOT NULL DEFAULT '',      -- why policy must not accept it
    blocked INTEGER NOT NULL DEFAULT 0,  -- derived from the leading candidate's findings
    run TEXT NOT NULL DEFAULT '',        -- that drafted it
    UNIQUE (key, family, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_highlight (
    guid TEXT NOT NULL REFERENCES card (guid),
    key TEXT NOT NULL REFERENCES highlight (key),
    role TEXT NOT NULL,                  -- origin | also
    PRIMARY KEY (guid, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX card_highlight_key ON card_highlight (key);

CREATE TABLE candidate (
    guid TEXT NOT NULL REFERENCES card (guid),
    letter TEXT NOT NULL,
    state TEXT NOT NULL,
    draft TEXT NOT NULL,
    PRIMARY KEY (guid, letter)
) STRICT, WITHOUT ROWID;

CREATE TABLE finding (
    guid TEXT NOT NULL,
    letter TEXT NOT NULL,
    n INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (guid, letter, n),
    FOREIGN KEY (guid, letter) REFERENCES candidate (guid, letter)
) STRICT, WITHOUT ROWID;

-- what was decided ---------------------------------------------------------------------------

CREATE TABLE decision (                  -- append-only
    id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    what TEXT NOT NULL,
    undoes TEXT NOT NULL DEFAULT '',
    action TEXT NOT NULL DEFAULT '',     -- what one undo takes back
    subject TEXT NOT NULL DEFAULT '',    -- guid or highlight key
    body TEXT NOT NULL,
    sequence INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
CREATE INDEX decision_subject ON decision (subject, sequence);
CREATE INDEX decision_action ON decision (action);
CREATE INDEX decision_undoes ON decision (undoes);
CREATE INDEX decision_key ON decision (json_extract(body, '$.key'));

CREATE TABLE journal (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;   -- lines already taken in

CREATE TABLE reply (
    request TEXT PRIMARY KEY,
    raw TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- what went to Anki, and what came back --------------------------------------------------------

CREATE TABLE package (
    id TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    written_at TEXT NOT NULL,
    run TEXT NOT NULL
) STRICT;

CREATE TABLE shipped (                   -- append-only
    guid TEXT NOT NULL,
    rev INTEGER NOT NULL,
    mod INTEGER NOT NULL,
    fields TEXT NOT NULL,                -- Markdown, as decided
    fields_html TEXT NOT NULL,
    tags TEXT NOT NULL,
    deck TEXT NOT NULL,
    digest TEXT NOT NULL,                -- of fields_html and tags
    package TEXT NOT NULL,
    written_at TEXT NOT NULL,
    PRIMARY KEY (guid, rev)
) STRICT, WITHOUT ROWID;

CREATE TABLE roster (
    package TEXT NOT NULL REFERENCES package (id),
    guid TEXT NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY (package, guid)
) STRICT, WITHOUT ROWID;

CREATE TABLE view (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    profile TEXT NOT NULL,
    complete INTEGER NOT NULL,
    taken_at TEXT NOT NULL,
    newest_review INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    view TEXT NOT NULL REFERENCES view (id),
    guid TEXT NOT NULL,
    mod INTEGER NOT NULL,
    tags TEXT NOT NULL,
    fields TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (view, guid)
) STRICT, WITHOUT ROWID;

CREATE TABLE review (
    id INTEGER PRIMARY KEY,              -- Anki's revlog id, milliseconds
    guid TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    ease INTEGER NOT NULL,
    interval INTEGER NOT NULL,
    duration INTEGER NOT NULL            -- milliseconds
) STRICT;
CREATE INDEX review_guid ON review (guid);
