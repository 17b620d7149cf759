-- What a search index beside the ledger must read anew: each document, highlight and card whose
-- words changed, once, under the number of its last change. The index itself is no part of the
-- ledger: it remembers up to which number it has read, and may be deleted at any time.

CREATE TABLE touched (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,             -- document | highlight | card
    id TEXT NOT NULL,
    UNIQUE (what, id)
) STRICT;

-- Deleted and inserted, not replaced: the conflict clause of the statement that fires a trigger
-- prevails over that of the trigger.
CREATE TRIGGER document_new AFTER INSERT ON document BEGIN
    DELETE FROM touched WHERE what = 'document' AND id = new.key;
    INSERT INTO touched (what, id) VALUES ('document', new.key);
END;
CREATE TRIGGER document_changed AFTER UPDATE OF title, body ON document
WHEN old.title <> new.title OR old.body <> new.body BEGIN
    DELETE FROM touched WHERE what = 'document' AND id = new.key;
    INSERT INTO touched (what, id) VALUES ('document', new.key);
END;
CREATE TRIGGER document_deleted AFTER DELETE ON document BEGIN
    DELETE FROM touched WHERE what = 'document' AND id = old.key;
    INSERT INTO touched (what, id) VALUES ('document', old.key);
END;
CREATE TRIGGER identifier_new AFTER INSERT ON identifier BEGIN
    DELETE FROM touched WHERE what = 'document' AND id = new.document;
    INSERT INTO touched (what, id) VALUES ('document', new.document);
END;
CREATE TRIGGER identifier_deleted AFTER DELETE ON identifier BEGIN
    DELETE FROM touched WHERE what = 'document' AND id = old.document;
    INSERT INTO touched (what, id) VALUES ('document', old.document);
END;
CREATE TRIGGER highlight_new AFTER INSERT ON highlight BEGIN
    DELETE FROM touched WHERE what = 'highlight' AND id = new.key;
    INSERT INTO touched (what, id) VALUES ('highlight', new.key);
END;
CREATE TRIGGER highlight_changed AFTER UPDATE OF document, body ON highlight
WHEN old.body <> new.body OR old.document <> new.document BEGIN
    DELETE FROM touched WHERE what = 'highlight' AND id = new.key;
    INSERT INTO touched (what, id) VALUES ('highlight', new.key);
END;
CREATE TRIGGER highlight_deleted AFTER DELETE ON highlight BEGIN
    DELETE FROM touched WHERE what = 'highlight' AND id = old.key;
    INSERT INTO touched (what, id) VALUES ('highlight', old.key);
END;
CREATE TRIGGER card_new AFTER INSERT ON card BEGIN
    DELETE FROM touched WHERE what = 'card' AND id = new.guid;
    INSERT INTO touched (what, id) VALUES ('card', new.guid);
END;
CREATE TRIGGER card_changed AFTER UPDATE OF fields ON card WHEN old.fields <> new.fields BEGIN
    DELETE FROM touched WHERE what = 'card' AND id = new.guid;
    INSERT INTO touched (what, id) VALUES ('card', new.guid);
END;
CREATE TRIGGER card_deleted AFTER DELETE ON card BEGIN
    DELETE FROM touched WHERE what = 'card' AND id = old.guid;
    INSERT INTO touched (what, id) VALUES ('card', old.guid);
END;
