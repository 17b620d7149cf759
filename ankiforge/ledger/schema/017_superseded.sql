-- Whether the words of a card wait elsewhere is asked for each card drafted after its ledger was lost.

CREATE INDEX event_superseded ON event (json_extract(body, '$.after.standing_why')) WHERE what = 'supersede';
