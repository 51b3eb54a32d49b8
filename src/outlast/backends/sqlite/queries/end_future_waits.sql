UPDATE analysis_sessions SET
    {waits_again(:now)},
    ready = {ready_now(crashes)},
    offered_at = NULL,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE rowid IN (
    SELECT rowid FROM analysis_sessions INDEXED BY sessions_postponed
    WHERE status = 'pending' AND ready = 0 AND updated_at > :soon
)
RETURNING 1
