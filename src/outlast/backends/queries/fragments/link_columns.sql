session_id, analysis, subject, share AS link, share_expires_at AS expires_at, completed_at
