-- OR IGNORE: subjects that the new owner has in flight too are not adopted.
UPDATE OR IGNORE analysis_sessions SET
    user_session = :owner,
    reuse_key = replace(reuse_key, :anonymous, :owner),
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE user_session = :anonymous
RETURNING id
