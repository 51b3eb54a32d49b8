-- The text only up to :inline bytes: the longer ones are read elsewhere than in an event loop.
SELECT {result_columns} FROM results
WHERE session_id = :id AND (:owner IS NULL OR user_session = :owner)
