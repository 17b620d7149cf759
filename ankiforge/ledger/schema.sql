-- The ledger: identities, decisions, what was shipped, paid-for replies. A change of this file needs
-- a new `VERSION` in db.py.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('duplicates:changes', '0');

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
    body TEXT NOT NULL,
    work TEXT NOT NULL DEFAULT '',  -- the first of those it is one with; '' = itself
    since TEXT NOT NULL DEFAULT ''  -- the run that saw it first, by number
) STRICT, WITHOUT ROWID;
CREATE INDEX document_place ON document (source, place);
CREATE INDEX document_work ON document (work);

CREATE TABLE identifier (
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (key),
    PRIMARY KEY (scheme, value, document)
) STRICT, WITHOUT ROWID;
CREATE INDEX identifier_document ON identifier (document);

CREATE TABLE page_fold (
    document TEXT NOT NULL REFERENCES document (key),
    page INTEGER NOT NULL,
    fold TEXT NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (document, page)
) STRICT, WITHOUT ROWID;
CREATE INDEX page_fold_fold ON page_fold (fold);

CREATE TABLE highlight (
    key TEXT PRIMARY KEY,
    document TEXT NOT NULL REFERENCES document (key),
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    position INTEGER NOT NULL,           -- within its document
    mark TEXT NOT NULL,                  -- h16 of the anchor's triple, without n
    text TEXT NOT NULL,                  -- h16 of the canonical exact
    content TEXT NOT NULL,               -- what drafting depends on
    body TEXT NOT NULL,
    presence TEXT NOT NULL,
    presence_why TEXT NOT NULL DEFAULT '',
    missing_at TEXT NOT NULL DEFAULT '',
    run TEXT NOT NULL DEFAULT '',        -- that saw it last
    drafted TEXT NOT NULL DEFAULT '',    -- the content that was drafted last
    drafter TEXT NOT NULL DEFAULT '',
    no_card TEXT NOT NULL DEFAULT '',    -- why it has none
    failed TEXT NOT NULL DEFAULT '',     -- what went wrong the last time
    asked TEXT NOT NULL DEFAULT '',      -- why a person should look at its identity
    replaces TEXT NOT NULL DEFAULT ''    -- the highlight in whose place it states another fact, until drafted
) STRICT, WITHOUT ROWID;
CREATE INDEX highlight_place ON highlight (container, place, position);
CREATE INDEX highlight_found ON highlight (container, place, run, presence, presence_why);
CREATE INDEX highlight_mark ON highlight (mark);
CREATE INDEX highlight_text ON highlight (text);
CREATE INDEX highlight_document ON highlight (document, position);
CREATE INDEX highlight_hint ON highlight (json_extract(body, '$.hints[0]'));
CREATE INDEX highlight_own ON highlight (json_extract(body, '$.own'))
    WHERE json_extract(body, '$.own') <> '';
CREATE INDEX highlight_to_draft ON highlight (key) WHERE drafted <> content OR failed <> '';
-- the cards that a person wrote, by the form in which they are written
CREATE INDEX highlight_written ON highlight (json_extract(body, '$.written'))
    WHERE json_extract(body, '$.written') <> '';

CREATE TABLE past_content (
    key TEXT NOT NULL REFERENCES highlight (key),
    content TEXT NOT NULL,
    body TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (key, content)
) STRICT, WITHOUT ROWID;

-- Of a highlight that is reached by more than one way, each of them; the one that tells its
-- content stands in `highlight`, too.
CREATE TABLE location (
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
CREATE INDEX location_place ON location (container, place, position);
CREATE INDEX location_found ON location (container, place, run, missing_at);

CREATE TABLE scan (
    run TEXT NOT NULL REFERENCES run (id),
    container TEXT NOT NULL,
    source TEXT NOT NULL,
    complete INTEGER NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (run, container)
) STRICT, WITHOUT ROWID;

-- What was taken in of each document, so that the next run reads only what has changed. A PDF and its
-- copy are two rows of one place, a vault note or a paper of a library is one row. Rows may be deleted
-- at any time: the document is read again.
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

-- The words of each document, to recognise it under another name. A row stays while highlights have
-- their place there, listed or not: what was cut out of a vault today may come back tomorrow. Rows may
-- be deleted at any time: the document is then not recognised.
CREATE TABLE sketch (
    container TEXT NOT NULL,
    place TEXT NOT NULL,            -- as in `highlight`
    path TEXT NOT NULL,             -- as in `ingested`
    words TEXT NOT NULL,            -- as `text.renames.encode` writes it
    PRIMARY KEY (container, place, path)
) STRICT, WITHOUT ROWID;

-- What a run has read and not yet taken in; emptied when keys are issued.
CREATE TABLE scanned_document (
    container TEXT NOT NULL,
    place TEXT NOT NULL,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    depends TEXT NOT NULL,
    digest TEXT NOT NULL,
    pictures TEXT NOT NULL,
    sketch TEXT NOT NULL DEFAULT '',
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
    replaces TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX scanned_place ON scanned (run, container, place, path, id);
CREATE INDEX scanned_own ON scanned (run, own);
CREATE INDEX scanned_key ON scanned (run, key);

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
    -- what a person said of fields that both sides changed: {"Back": "mine"} pins theirs,
    -- {"Back": "source <hash of theirs>"} lets the source's words take the place of those
    resolved TEXT NOT NULL DEFAULT '{}',
    choice TEXT NOT NULL DEFAULT '',     -- the guid of the first of its alternatives; '' = it stands alone
    -- what it was when it was stored: the columns that differ from a new card with the words of its
    -- first candidate; and the alternatives it was drafted with
    base TEXT NOT NULL DEFAULT '',
    drafted_with TEXT NOT NULL DEFAULT '',
    UNIQUE (key, family, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX card_choice ON card (choice) WHERE choice <> '';
CREATE INDEX card_drafted_with ON card (drafted_with) WHERE drafted_with <> '';

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
    born TEXT NOT NULL DEFAULT 'open',
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
CREATE INDEX finding_twin ON finding (json_extract(body, '$.twin'))
    WHERE json_extract(body, '$.twin') <> '';

-- what was decided ---------------------------------------------------------------------------

-- Append-only. The state of each card is a fold of its events.
CREATE TABLE event (
    id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    what TEXT NOT NULL,
    undoes TEXT NOT NULL DEFAULT '',
    action TEXT NOT NULL DEFAULT '',     -- what one undo takes back
    subject TEXT NOT NULL DEFAULT '',    -- guid or highlight key
    body TEXT NOT NULL,
    sequence INTEGER NOT NULL UNIQUE,
    n INTEGER NOT NULL DEFAULT 0,        -- one above all seen before
    rank TEXT NOT NULL DEFAULT '',       -- sorts: see ledger/events.py
    undone INTEGER NOT NULL DEFAULT 0,   -- by an undo that was not undone itself
    here INTEGER NOT NULL DEFAULT 1      -- recorded by this ledger, not by a journal
) STRICT, WITHOUT ROWID;
CREATE INDEX event_subject ON event (subject, rank);
CREATE INDEX event_action ON event (action);
CREATE INDEX event_undoes ON event (undoes);
CREATE INDEX event_key ON event (json_extract(body, '$.key'));
CREATE INDEX event_n ON event (n, at);
-- events of kinds that are few among very many
CREATE INDEX event_rare ON event (what) WHERE what IN ('union', 'suspend', 'unsuspend');
CREATE INDEX event_move ON event (json_extract(body, '$.to')) WHERE what = 'move';
CREATE INDEX event_apart ON event (json_extract(body, '$.twin')) WHERE what = 'not-duplicate';
CREATE INDEX event_recover ON event (sequence) WHERE what = 'recover';
CREATE INDEX event_rejections ON event (sequence) WHERE what = 'reject';
CREATE INDEX event_consents ON event (rank) WHERE what = 'consent';
CREATE INDEX event_superseded ON event (json_extract(body, '$.after.standing_why'))
    WHERE what = 'supersede';

-- What was last seen or done in Anki without an event of its own: shipped, seen, held.
CREATE TABLE observed (
    guid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    sequence INTEGER NOT NULL            -- of the last event that had arrived by then
) STRICT, WITHOUT ROWID;

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

-- Append-only.
CREATE TABLE shipped (
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
    -- our side of a revision, before a person's words were merged in; '' = as in the package
    ours_html TEXT NOT NULL DEFAULT '',
    package_tags TEXT NOT NULL DEFAULT '',
    content TEXT NOT NULL DEFAULT '',    -- the sixth word of its AnkiforgeId
    seen_at TEXT NOT NULL DEFAULT '',    -- when a view first showed it
    PRIMARY KEY (guid, rev)
) STRICT, WITHOUT ROWID;
CREATE INDEX shipped_package ON shipped (package, seen_at);

CREATE TABLE roster (
    package TEXT NOT NULL REFERENCES package (id),
    guid TEXT NOT NULL,
    rev INTEGER NOT NULL,
    PRIMARY KEY (package, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX roster_guid ON roster (guid, rev);

CREATE TABLE view (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    profile TEXT NOT NULL,
    complete INTEGER NOT NULL,
    taken_at TEXT NOT NULL,
    newest_review INTEGER NOT NULL,
    created INTEGER NOT NULL DEFAULT 0   -- the collection, seconds
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    view TEXT NOT NULL REFERENCES view (id),
    guid TEXT NOT NULL,
    mod INTEGER NOT NULL,
    tags TEXT NOT NULL,
    fields TEXT NOT NULL,
    content TEXT NOT NULL,
    type_id INTEGER NOT NULL DEFAULT 0,
    deck TEXT NOT NULL DEFAULT '',       -- of its first card
    cards TEXT NOT NULL DEFAULT '[]',
    own TEXT NOT NULL DEFAULT '',        -- all fields, where the type has others
    named INTEGER NOT NULL DEFAULT 0,    -- the mod its AnkiforgeId says
    PRIMARY KEY (view, guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_guid ON seen (guid);

CREATE TABLE review (
    id INTEGER PRIMARY KEY,              -- Anki's revlog id, milliseconds
    guid TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    ease INTEGER NOT NULL,
    interval INTEGER NOT NULL,
    duration INTEGER NOT NULL,           -- milliseconds
    last_interval INTEGER NOT NULL DEFAULT 0,
    factor INTEGER NOT NULL DEFAULT 0,
    type INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX review_guid ON review (guid);

-- duplicates -----------------------------------------------------------------------------------

-- None of this is in the journal: all of it can be made again from cards and notes.

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

-- Twins whose words have changed since a finding named them.
CREATE TABLE reworded (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

-- By which words a card, or a note in Anki that is not ours, is found. A card that is rejected, retired
-- or deleted has no row. A row changes in the transaction that changes the words; `unread` says that
-- its search terms are to be made from them before the next search.
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
