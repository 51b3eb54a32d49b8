-- Within the newest :deepest of a status, so that the search takes no longer in a store of millions.
SELECT number FROM (
    SELECT rowid AS number, subject, error, id, claim FROM analysis_sessions
    WHERE status = '{1}'
    ORDER BY created_at DESC, rowid DESC LIMIT :deepest + 0
) AS newest
WHERE instr(lower(subject), :text) OR instr(lower(error), :text) OR EXISTS (
    SELECT 1 FROM attempts AS a
    WHERE
        newest.error IS NOT NULL AND a.session_id = newest.id AND a.claim = newest.claim
        AND instr(lower(a.exception || ': ' || a.exception_message), :text)
)
