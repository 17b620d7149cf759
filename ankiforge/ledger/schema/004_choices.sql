-- Candidates of one intent that are of both note types: a card a type, of which a person picks one.

ALTER TABLE card ADD COLUMN choice TEXT NOT NULL DEFAULT '';      -- the guid of the first; '' = it stands alone
CREATE INDEX card_choice ON card (choice) WHERE choice <> '';
