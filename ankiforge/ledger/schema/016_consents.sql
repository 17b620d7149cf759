-- What a person decided about the forms in which cards are written: few of very many events, which each
-- draft of a hand-written card asks for.

CREATE INDEX event_consents ON event (rank) WHERE what = 'consent';

-- The cards that a person wrote, by the form in which they are written.
CREATE INDEX highlight_written ON highlight (json_extract(body, '$.written'))
    WHERE json_extract(body, '$.written') <> '';
