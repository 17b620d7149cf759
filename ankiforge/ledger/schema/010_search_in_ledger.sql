-- The search index is now in this database; it lists the rows to index itself (search_index.py).

DROP TRIGGER document_new;
DROP TRIGGER document_changed;
DROP TRIGGER document_deleted;
DROP TRIGGER identifier_new;
DROP TRIGGER identifier_deleted;
DROP TRIGGER highlight_new;
DROP TRIGGER highlight_changed;
DROP TRIGGER highlight_deleted;
DROP TRIGGER card_new;
DROP TRIGGER card_changed;
DROP TRIGGER card_deleted;
DROP TABLE touched;
