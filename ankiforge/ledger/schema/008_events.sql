-- Decisions as events, of which the state of each card is a fold.

ALTER TABLE decision ADD COLUMN n INTEGER NOT NULL DEFAULT 0;        -- one above all seen before; 0 = an older line
ALTER TABLE decision ADD COLUMN rank TEXT NOT NULL DEFAULT '';       -- sorts: see ledger/events.py
ALTER TABLE decision ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;   -- by an undo that was not undone itself
ALTER TABLE decision ADD COLUMN here INTEGER NOT NULL DEFAULT 1;     -- recorded by this ledger, not by a journal
DROP INDEX decision_subject;
CREATE INDEX decision_subject ON decision (subject, rank);
CREATE INDEX decision_n ON decision (n, at);

-- What a card was when it was stored: the columns that differ from a new card with the words of its
-- first candidate; and the alternatives it was drafted with.
ALTER TABLE card ADD COLUMN base TEXT NOT NULL DEFAULT '';
ALTER TABLE card ADD COLUMN drafted_with TEXT NOT NULL DEFAULT '';
ALTER TABLE candidate ADD COLUMN born TEXT NOT NULL DEFAULT 'open';

-- What was last seen or done in Anki without an event of its own: shipped, seen, held.
CREATE TABLE observed (
    guid TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    why TEXT NOT NULL DEFAULT '',
    sequence INTEGER NOT NULL         -- of the last event that had arrived by then
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('upgrade', 'events');
