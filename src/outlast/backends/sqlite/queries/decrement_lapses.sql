-- The version does not change, because nobody sees lapses.
UPDATE analysis_sessions SET lapses = max(0, lapses - t.times)
FROM (
    SELECT session_id, count(*) AS times FROM attempts INDEXED BY attempts_lapsed
    WHERE worker_id = (SELECT :previous_id) AND ended = 'lapsed' AND error = (SELECT :lapsed)
    GROUP BY session_id
) AS t
WHERE id = t.session_id AND +{in_flight}
