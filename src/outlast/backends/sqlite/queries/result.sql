-- The text only up to :inline bytes: the longer ones are read elsewhere than in an event loop.
SELECT session_id, analysis, subject, iif(bytes <= :inline, result, NULL), redirect_url, completed_at
FROM results
WHERE session_id = :id AND (:owner IS NULL OR user_session = :owner)
