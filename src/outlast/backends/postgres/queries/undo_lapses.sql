-- The version does not change, because nobody sees lapses.
WITH undone AS (
    UPDATE attempts SET error = %(returned)s
    WHERE worker_id = %(previous_id)s AND ended = 'lapsed' AND error = %(lapsed)s
    RETURNING session_id
),
times AS (SELECT session_id, count(*) AS times FROM undone GROUP BY session_id),
locked AS MATERIALIZED (
    SELECT s.id FROM analysis_sessions AS s
    WHERE s.id = ANY(ARRAY(SELECT times.session_id FROM times)) ORDER BY s.id FOR UPDATE
)
UPDATE analysis_sessions AS s SET lapses = greatest(0, s.lapses - times.times)
FROM locked INNER JOIN times ON times.session_id = locked.id
WHERE s.id = locked.id AND session_in_flight(s.status)
