-- The database of a workspace: a cache, rebuilt from the journal and the sources.
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- read from sources
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY,
    container TEXT NOT NULL,     -- vault, directory or library
    place TEXT NOT NULL,         -- path, or the source's key
    state TEXT NOT NULL,         -- present, gone; unselected: no setting selects it; journal: only in the journal
    fingerprint TEXT NOT NULL,
    depends TEXT NOT NULL,       -- JSON
    source TEXT NOT NULL,        -- name of the source in the settings
    title TEXT NOT NULL,
    digest TEXT NOT NULL,        -- hash of the text, if the note may be patched
    left_out TEXT NOT NULL DEFAULT '[]',  -- JSON: skipped texts, which look like a mark or a card but aren't one
    UNIQUE (container, place)
);
CREATE TABLE IF NOT EXISTS identifier (  -- of the works that documents are, or are about
    name TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (name, document)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identifier_document ON identifier (document);
CREATE TABLE IF NOT EXISTS highlight (
    key TEXT PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES document,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,         -- present, missing, gone, unselected; journal: only in the journal
    missed REAL NOT NULL DEFAULT 0,  -- when it was first missing, in seconds since 1970
    route TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL,
    folded TEXT NOT NULL,
    exact TEXT NOT NULL DEFAULT '',  -- hash of the exact text
    content TEXT NOT NULL DEFAULT '',  -- hash of what drafts depend on
    alike TEXT NOT NULL DEFAULT '',  -- hash that copies share: of the content, for a short text also of the context; '' = can't be a copy
    drafted TEXT NOT NULL DEFAULT '',  -- the content last drafted by rules
    modelled TEXT NOT NULL DEFAULT '',  -- the content last drafted by a model
    declined TEXT NOT NULL DEFAULT '',  -- the content that a model judged not worth a card
    fate TEXT NOT NULL DEFAULT '',  -- a DraftingStatus: no_card, left_out, failed; '' if there are drafts
    reason TEXT NOT NULL DEFAULT '',  -- why there is no card
    worth REAL NOT NULL DEFAULT 0,  -- probability that a card of the best sentence is kept, 0 to 1; 0 or less = nothing is proposed
    run INTEGER NOT NULL DEFAULT 0,  -- the last run that read it
    colour TEXT NOT NULL DEFAULT '',  -- as in the source, and the name of its hue; a list, see `store.listed`
    tags TEXT NOT NULL DEFAULT '',  -- of the mark and the document; a list
    body TEXT NOT NULL DEFAULT ''  -- Highlight as JSON; '' if only in the journal
);  -- with rowids, because without them a row longer than a quarter of a page takes another page
CREATE INDEX IF NOT EXISTS highlight_document ON highlight (document, position);
CREATE INDEX IF NOT EXISTS highlight_absent ON highlight (state) WHERE state != 'present';
CREATE INDEX IF NOT EXISTS highlight_undrafted ON highlight (key) WHERE state = 'present' AND drafted != content;
CREATE INDEX IF NOT EXISTS highlight_unmodelled ON highlight (key) WHERE state = 'present' AND modelled != content;
CREATE INDEX IF NOT EXISTS highlight_folded ON highlight (folded);
CREATE INDEX IF NOT EXISTS highlight_alike ON highlight (alike) WHERE state = 'present' AND alike != '';
-- texts that must stay on this device (`#no-llm`), including those no longer in the document
CREATE TABLE IF NOT EXISTS private (
    document INTEGER NOT NULL, text TEXT NOT NULL,
    document_key TEXT NOT NULL,  -- `Document.key` as last read, '' if it has no highlight
    is_name INTEGER NOT NULL,    -- whether it was only ever a name, see `PrivateText`
    PRIMARY KEY (document, text)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS draft (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,           -- the highlight
    passage TEXT NOT NULL,       -- its oldest key
    offer TEXT NOT NULL,         -- drafts with the same value are decided on together, see `waiting.group_into_offers`
    content TEXT NOT NULL,
    slot TEXT NOT NULL,          -- of a hand-written card, else ''
    position INTEGER NOT NULL,
    fact TEXT NOT NULL,          -- hash of its sentence; of a hand-written card, of each sentence; '' = unknown
    near TEXT NOT NULL,          -- a similar decided sentence, or ''
    kind TEXT NOT NULL,
    deck TEXT NOT NULL,
    drafter TEXT NOT NULL,
    severity TEXT NOT NULL,      -- of the worst finding: '', info, warn, block
    revises TEXT NOT NULL,       -- guid of the card that it would revise, or ''
    replaces TEXT NOT NULL,      -- guid of the card of another note type that it would replace, or ''
    since INTEGER NOT NULL DEFAULT 0,  -- of a draft that the user requested: the number of the last event before it
    answer TEXT NOT NULL DEFAULT '',  -- see `events.normalize_answer`; '' = a proposal, or no answer
    findings TEXT NOT NULL,      -- checks and severities; a list
    tags TEXT NOT NULL,          -- a list
    words TEXT NOT NULL,         -- plain text, for search
    body TEXT NOT NULL           -- Draft as JSON
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS draft_key ON draft (key, position);
CREATE INDEX IF NOT EXISTS draft_passage ON draft (passage);
CREATE INDEX IF NOT EXISTS draft_revises ON draft (revises) WHERE revises != '';
CREATE INDEX IF NOT EXISTS draft_own ON draft (key) WHERE slot != '';
-- what drafters made of a highlight; no decision changes it, and `draft` is computed from it (`ledger.waiting`)
CREATE TABLE IF NOT EXISTS made (
    id TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL,
    fact TEXT NOT NULL, revises TEXT NOT NULL,   -- its sentence, and the card that it would have revised, when it was made
    since INTEGER NOT NULL,
    batch TEXT NOT NULL, dropped TEXT NOT NULL,  -- the draftings that made it, and that replaced it; '' = the rules
    body TEXT NOT NULL,
    PRIMARY KEY (id, dropped)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS made_key ON made (key);
CREATE INDEX IF NOT EXISTS made_batch ON made (batch) WHERE batch != '';

-- the highlights that a model or chat drafted in one batch and that this changed; undo reverts the batch
CREATE TABLE IF NOT EXISTS drafting (
    id TEXT NOT NULL,
    number INTEGER NOT NULL,     -- of the last event before it
    key TEXT NOT NULL,
    content TEXT NOT NULL,       -- the content that was drafted
    has_drafts INTEGER NOT NULL, -- whether any drafts wait because of it, or were replaced
    before TEXT NOT NULL         -- snapshots.DraftingState as JSON
);
CREATE INDEX IF NOT EXISTS drafting_id ON drafting (id);

-- the journal
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, n INTEGER NOT NULL, machine TEXT NOT NULL, what TEXT NOT NULL,
    by TEXT NOT NULL, act TEXT NOT NULL,
    undoes TEXT NOT NULL,        -- the id of the event that an undo reverts, '' for other kinds
    words TEXT NOT NULL,         -- hash of the exact text of a reading, '' for other kinds
    line TEXT NOT NULL
);  -- with rowids, because ids are hashes, but lines are appended in order
CREATE INDEX IF NOT EXISTS event_words ON event (words) WHERE words != '';
CREATE INDEX IF NOT EXISTS event_key ON event (key);
CREATE INDEX IF NOT EXISTS event_n ON event (n);
CREATE INDEX IF NOT EXISTS event_act ON event (act) WHERE act != '';
CREATE INDEX IF NOT EXISTS event_undoes ON event (undoes) WHERE undoes != '';
CREATE INDEX IF NOT EXISTS event_revised ON event (n) WHERE what = 'revise';
CREATE INDEX IF NOT EXISTS event_subjects ON event (what) WHERE what IN ('form', 'dialects', 'decline', 'mark');
CREATE INDEX IF NOT EXISTS event_links ON event (what) WHERE what IN ('same', 'undo');
-- active events, which weren't undone
CREATE VIEW IF NOT EXISTS standing AS SELECT * FROM event
    WHERE NOT EXISTS (SELECT 1 FROM event u WHERE u.undoes = event.id AND u.undoes != '');

CREATE TABLE IF NOT EXISTS unknown_event (   -- of kinds that only a newer version of the program knows
    id TEXT PRIMARY KEY, n INTEGER NOT NULL, line TEXT NOT NULL
) WITHOUT ROWID;

-- computed from events
CREATE TABLE IF NOT EXISTS alias (key TEXT PRIMARY KEY, first TEXT NOT NULL, keys TEXT NOT NULL) WITHOUT ROWID;
-- by hash (`name`) of a distinctive sentence: the passages in which it was decided, and the highlights that contain it
CREATE TABLE IF NOT EXISTS decided_sentence (
    name TEXT NOT NULL, passage TEXT NOT NULL,
    kind TEXT NOT NULL,          -- own: a hand-written card, or a rejected proposal; draft: a rejected draft of a model; card: other
    PRIMARY KEY (name, passage, kind)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decided_sentence_passage ON decided_sentence (passage);
CREATE TABLE IF NOT EXISTS sentence (
    name TEXT NOT NULL, key TEXT NOT NULL,
    worth REAL,                  -- probability that a card of it is kept; NULL = no card is possible
    PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sentence_key ON sentence (key);
-- drafts of present highlights, with the sort key of reading order: document, place, position
CREATE VIEW IF NOT EXISTS readable AS
    SELECT d.id, d.key, d.drafter, d.severity, d.findings, d.revises, h.document, h.position AS place, d.position
    FROM draft d CROSS JOIN highlight h ON h.key = d.key WHERE h.state = 'present';
CREATE TABLE IF NOT EXISTS passage (
    key TEXT PRIMARY KEY, asks INTEGER NOT NULL,
    decided INTEGER NOT NULL,    -- has a decision, if only on a proposal
    done INTEGER NOT NULL,       -- has a decision other than on a proposal
    closed INTEGER NOT NULL,     -- nothing more is wanted
    skipped INTEGER NOT NULL,
    body TEXT NOT NULL           -- events.Passage as JSON
);
CREATE INDEX IF NOT EXISTS passage_asks ON passage (asks) WHERE asks;
CREATE INDEX IF NOT EXISTS passage_decided ON passage (decided, key) WHERE decided;
CREATE TABLE IF NOT EXISTS card (
    guid TEXT PRIMARY KEY, passage TEXT NOT NULL, verdict TEXT NOT NULL, live INTEGER NOT NULL,
    by TEXT NOT NULL, offered INTEGER NOT NULL, kind TEXT NOT NULL, deck TEXT NOT NULL,
    drafter TEXT NOT NULL,
    model TEXT NOT NULL,         -- the name of the model that drafted it, or ''
    content TEXT NOT NULL,       -- hash of the current text
    source TEXT NOT NULL,        -- hash of the text last given by source or drafter
    words TEXT NOT NULL,         -- plain text, for search
    tags TEXT NOT NULL,          -- a list
    removed TEXT NOT NULL,       -- source tags that the user removed; a list
    at TEXT NOT NULL,            -- when it was accepted
    why TEXT NOT NULL,           -- why it isn't live
    shipped INTEGER NOT NULL,    -- the last shipped `mod`; 0 = never
    adopted TEXT NOT NULL,       -- guid of another tool's note; '' = our own note
    mapped INTEGER NOT NULL,     -- id of the user's note type of our own note, else 0
    sentence TEXT NOT NULL       -- hash of the sentence that places the card; '' = in its own passage
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS card_sentence ON card (sentence) WHERE sentence != '';
CREATE INDEX IF NOT EXISTS card_adopted ON card (adopted) WHERE adopted != '';
CREATE INDEX IF NOT EXISTS card_passage ON card (passage);
CREATE INDEX IF NOT EXISTS card_content ON card (content);
CREATE INDEX IF NOT EXISTS card_source ON card (source);
-- present highlights, with what `passage_states` needs to determine the state of their passage
CREATE VIEW IF NOT EXISTS present_passage AS
    SELECT h.key, h.document, d.title, h.position, coalesce(a.first, h.key) AS passage, h.route, a.keys AS passage_keys,
        h.fate, h.reason, h.worth,
        h.drafted != h.content AND h.modelled != h.content AND h.fate = '' AS undrafted,
        coalesce(p.decided, 0) AS decided, coalesce(p.done, 0) AS done, coalesce(p.closed, 0) AS closed,
        coalesce(p.skipped, 0) AS skipped,
        -- whether the passage, or a sentence of it, has a live card; uses indexes only
        EXISTS (SELECT 1 FROM card c WHERE c.passage = coalesce(a.first, h.key) AND c.live)
            OR EXISTS (SELECT 1 FROM sentence s JOIN card c ON c.sentence = s.name
                WHERE s.key = coalesce(a.first, h.key) AND c.sentence != '' AND c.live) AS carded,
        EXISTS (SELECT 1 FROM sentence s JOIN decided_sentence d ON d.name = s.name AND d.kind != 'draft'
            WHERE s.key = h.key) AS has_decided_sentence,
        -- of the best undecided sentence
        (SELECT max(s.worth) FROM sentence s WHERE s.key = h.key AND NOT EXISTS
            (SELECT 1 FROM decided_sentence d WHERE d.name = s.name AND d.kind != 'draft')) AS open_worth,
        -- of the pending drafts of the passage: 0 if checks block all of them, else 1; NULL = there are none
        (SELECT max(d.severity != 'block') FROM draft d WHERE d.passage = coalesce(a.first, h.key)) AS best,
        -- whether the user is asked if its document was deleted, see `ingest`
        h.document IN (SELECT j.value FROM meta m, json_each(m.value) j
            WHERE m.name > 'doubted:' AND m.name < 'doubted;') AS is_doubted
    FROM highlight h JOIN document d ON d.id = h.document
        LEFT JOIN alias a ON a.key = h.key LEFT JOIN passage p ON p.key = coalesce(a.first, h.key)
    WHERE h.state = 'present';
CREATE TABLE IF NOT EXISTS rejected (content TEXT, passage TEXT, PRIMARY KEY (content, passage)) WITHOUT ROWID;

-- our notes at the last read of Anki
CREATE TABLE IF NOT EXISTS seen (
    guid TEXT PRIMARY KEY,
    absent REAL NOT NULL,        -- since when it is absent, in seconds since 1970; 0 = present
    asked INTEGER NOT NULL DEFAULT 0, -- whether it was deleted with many others, so the user is asked
    reviews INTEGER NOT NULL DEFAULT 0, lapses INTEGER NOT NULL DEFAULT 0,
    leech INTEGER NOT NULL DEFAULT 0,
    retired INTEGER NOT NULL DEFAULT 0, -- whether it has the tag of retired cards
    note_hash TEXT NOT NULL DEFAULT '', -- see `anki_notes.hash_note`; '' = never read on this device
    body TEXT NOT NULL           -- '' = never read on this device
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grave (   -- Anki's records of deleted notes, of those that may have been ours
    id INTEGER PRIMARY KEY
);
CREATE TABLE IF NOT EXISTS taken (   -- notes without AnkiforgeId
    guid TEXT PRIMARY KEY,
    mod INTEGER NOT NULL         -- of the newest package that Anki is known to have imported
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS local_links (  -- see `LocalCard.local_links_hashes`
    guid TEXT PRIMARY KEY,
    hashes TEXT NOT NULL         -- separated by spaces
) WITHOUT ROWID;
-- notes to which nothing is to be written, until their card or passage changes; the note may still be only in a package
CREATE TABLE IF NOT EXISTS planned (
    guid TEXT PRIMARY KEY,
    settings TEXT NOT NULL,      -- the settings of the plan
    note_hash TEXT NOT NULL      -- the note that Anki must have
) WITHOUT ROWID;
-- values that are valid until something changes that affects a note: its card, the passage, the note in Anki
CREATE TABLE IF NOT EXISTS until_change (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- what makes the plan of a note, or what was written last, out of date
CREATE TRIGGER IF NOT EXISTS highlight_new AFTER INSERT ON highlight BEGIN
    DELETE FROM planned WHERE guid IN (SELECT guid FROM card WHERE passage IN (NEW.key, (SELECT first FROM alias WHERE key = NEW.key)));
    DELETE FROM until_change;
END;
CREATE TRIGGER IF NOT EXISTS highlight_changed AFTER UPDATE OF state, body ON highlight
WHEN OLD.state != NEW.state OR OLD.body != NEW.body BEGIN
    DELETE FROM planned WHERE guid IN (SELECT guid FROM card WHERE passage IN (NEW.key, (SELECT first FROM alias WHERE key = NEW.key)));
    DELETE FROM planned WHERE guid IN (SELECT guid FROM card WHERE sentence != '' AND sentence IN (SELECT name FROM sentence WHERE key = NEW.key));
    DELETE FROM until_change;
END;
CREATE TRIGGER IF NOT EXISTS sentence_new AFTER INSERT ON sentence BEGIN
    DELETE FROM planned WHERE guid IN (SELECT guid FROM card WHERE sentence != '' AND sentence = NEW.name);
    DELETE FROM until_change;
END;
CREATE TRIGGER IF NOT EXISTS seen_new AFTER INSERT ON seen BEGIN DELETE FROM until_change; END;
CREATE TRIGGER IF NOT EXISTS seen_gone AFTER DELETE ON seen BEGIN DELETE FROM until_change; END;
CREATE TABLE IF NOT EXISTS conflict (
    guid TEXT NOT NULL, field TEXT NOT NULL, mine TEXT NOT NULL, source TEXT NOT NULL,
    theirs TEXT NOT NULL, ours TEXT NOT NULL, -- hashes of the compared texts
    PRIMARY KEY (guid, field)
) WITHOUT ROWID;
-- only another plan shows that a conflict is over
CREATE TRIGGER IF NOT EXISTS conflict_new AFTER INSERT ON conflict BEGIN DELETE FROM planned WHERE guid = NEW.guid; END;
CREATE TABLE IF NOT EXISTS review (
    id INTEGER PRIMARY KEY, guid TEXT NOT NULL, ease INTEGER NOT NULL, interval INTEGER NOT NULL,
    type INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS review_guid ON review (guid);

-- what drafts are compared with: cards, other drafts, and other notes in Anki
CREATE TABLE IF NOT EXISTS foreign_note (
    id INTEGER PRIMARY KEY, mod INTEGER NOT NULL, deck TEXT NOT NULL, fields TEXT NOT NULL
);
-- live cards, pending drafts (except proposals, drafts about to be redone, and those that keep a card's text), and other notes with text; the
-- digest changes with the text and is the key of their search terms in `indexed`
CREATE VIEW IF NOT EXISTS in_use AS
    SELECT guid AS id, kind || content AS digest, passage, '' AS deck FROM card WHERE live
    UNION ALL SELECT d.id, d.kind || d.content, d.key, '' FROM draft d
        JOIN highlight h ON h.key = d.key AND h.state = 'present' AND h.drafted = h.content
        WHERE d.drafter != 'propose' AND NOT json_extract(d.body, '$.keeps_text')
    UNION ALL SELECT 'nid:' || id, 'nid:' || id || ' ' || mod, '', deck FROM foreign_note WHERE fields != '[]';
CREATE TABLE IF NOT EXISTS indexed (
    digest TEXT PRIMARY KEY,     -- kind and content of a card or draft, or nid:, id and mod of a note
    words TEXT NOT NULL, finders TEXT NOT NULL, exact BLOB NOT NULL, question BLOB NOT NULL
) WITHOUT ROWID;

-- the text of documents, highlights and cards, for `search`; `digest` shows which rows are out of date
CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5 (
    what UNINDEXED, ref UNINDEXED, document UNINDEXED, digest UNINDEXED, title, passage, remark,
    prefix = '2 3', tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
);
