SELECT * FROM (
    SELECT rowid FROM analysis_sessions
    WHERE status = '{1}' AND {selected}
    ORDER BY created_at DESC, rowid DESC LIMIT :limit + 0
)
