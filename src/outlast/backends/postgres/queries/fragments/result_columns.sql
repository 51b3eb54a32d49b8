session_id, analysis, subject, result, redirect_url, completed_at,
CASE WHEN {link_is_valid} THEN share END AS share,
CASE WHEN {link_is_valid} THEN share_expires_at END AS share_expires_at
