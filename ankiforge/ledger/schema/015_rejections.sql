-- Each draft is compared with the rejected cards; without an index that reads every event.

CREATE INDEX event_rejections ON event(sequence) WHERE what = 'reject';
