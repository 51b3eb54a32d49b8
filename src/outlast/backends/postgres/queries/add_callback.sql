INSERT INTO callbacks (session_id, url, key_id)
SELECT s.id, %(url)s, %(key_id)s FROM analysis_sessions AS s
WHERE
    s.id = %(session_id)s
    AND (SELECT count(*) FROM callbacks AS c WHERE c.session_id = s.id AND c.url <> %(url)s) < %(most)s
ON CONFLICT (session_id, url) DO UPDATE SET url = excluded.url
RETURNING session_id
