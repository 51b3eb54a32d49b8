-- With a subject, it is the answer to the session's questions: its input and its subject change.
-- OR IGNORE: nothing changes if the unique index has another session in flight.
UPDATE OR IGNORE analysis_sessions SET
    status = 'pending',
    {waits_again(:now)},
    ready = {ready_now(0)},
    run_id = NULL,
    max_attempts = attempt + :attempts,
    {as_new},
    input = CASE WHEN :subject IS NULL THEN input ELSE :input END,
    subject = coalesce(:subject, subject),
    updated_at = :now,
    version = max(version + 1, :ms)
WHERE
    id = :id AND (:owner IS NULL OR user_session = :owner)
    AND (:alone OR (run_id IS NULL AND substr(user_session, -10) <> ' everybody'))
    AND status IN ('failed', 'cancelled') AND (:subject IS NULL OR error_code = 'question')
RETURNING id
