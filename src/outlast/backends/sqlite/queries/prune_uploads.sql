-- Deletes incomplete uploads too, without counting them.
DELETE FROM uploads WHERE id IN ({prunable_uploads} LIMIT :batch + 0) RETURNING sha256 IS NOT NULL AS counts
