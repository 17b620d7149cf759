-- The highlight in whose place a highlight states another fact: its cards may replace that one's.

ALTER TABLE scanned ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE highlight ADD COLUMN replaces TEXT NOT NULL DEFAULT '';   -- until it was drafted
