INSERT INTO results (session_id, user_session, analysis, subject, redirect_url, completed_at, share, result)
SELECT session_id, owner, analysis, subject, redirect_url, completed_at, share, result
FROM json_to_recordset(%(results)s::json) AS r (
    session_id text, owner text, analysis text, subject text, redirect_url text, completed_at timestamptz,
    share text, result text
)
ON CONFLICT (session_id) DO UPDATE SET user_session = excluded.user_session, share = excluded.share
