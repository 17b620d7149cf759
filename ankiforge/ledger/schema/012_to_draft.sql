-- The highlights that wait for a draft: few of very many, which each run and each pass of `watch` asks for.

CREATE INDEX highlight_to_draft ON highlight (key) WHERE drafted <> content OR failed <> '';
