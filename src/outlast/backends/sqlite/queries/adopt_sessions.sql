-- OR IGNORE: what the new owner has in flight too stays where it is.
UPDATE OR IGNORE analysis_sessions SET
    user_session = :owner,
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE user_session = :anonymous
RETURNING id
