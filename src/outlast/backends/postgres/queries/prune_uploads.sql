-- Deletes incomplete uploads too, without counting them.
DELETE FROM uploads WHERE id = ANY(ARRAY({prunable_uploads} LIMIT %(batch)s))
RETURNING (sha256 IS NOT NULL)::integer AS counts
