-- What comes back from Anki.

-- what a person said of fields that both sides changed: {"Back": "mine"} pins theirs,
-- {"Back": "source <hash of theirs>"} lets the source's words take the place of those
ALTER TABLE card ADD COLUMN resolved TEXT NOT NULL DEFAULT '{}';

-- our side of a revision, before a person's words were merged in; '' = as in the package
ALTER TABLE shipped ADD COLUMN ours_html TEXT NOT NULL DEFAULT '';
ALTER TABLE shipped ADD COLUMN package_tags TEXT NOT NULL DEFAULT '';
ALTER TABLE shipped ADD COLUMN content TEXT NOT NULL DEFAULT '';    -- the sixth word of its AnkiforgeId
ALTER TABLE shipped ADD COLUMN seen_at TEXT NOT NULL DEFAULT '';    -- when a view first showed it

ALTER TABLE view ADD COLUMN created INTEGER NOT NULL DEFAULT 0;     -- the collection, seconds

ALTER TABLE seen ADD COLUMN type_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seen ADD COLUMN deck TEXT NOT NULL DEFAULT '';          -- of its first card
ALTER TABLE seen ADD COLUMN cards TEXT NOT NULL DEFAULT '[]';
ALTER TABLE seen ADD COLUMN own TEXT NOT NULL DEFAULT '';           -- all fields, where the type has others
ALTER TABLE seen ADD COLUMN named INTEGER NOT NULL DEFAULT 0;       -- the mod its AnkiforgeId says
CREATE INDEX seen_guid ON seen (guid);

ALTER TABLE review ADD COLUMN last_interval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN factor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE review ADD COLUMN type INTEGER NOT NULL DEFAULT 0;

CREATE INDEX roster_guid ON roster (guid, rev);
CREATE INDEX shipped_package ON shipped (package, seen_at);
CREATE INDEX decision_rare ON decision (what) WHERE what IN ('union', 'suspend', 'unsuspend');
