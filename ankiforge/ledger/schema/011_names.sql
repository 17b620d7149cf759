-- Tables are named after what they hold: events, and the locations of highlights that have several.

ALTER TABLE decision RENAME TO event;
ALTER TABLE way RENAME TO location;
CREATE INDEX card_drafted_with ON card (drafted_with) WHERE drafted_with <> '';
