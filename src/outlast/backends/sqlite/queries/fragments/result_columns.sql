session_id, analysis, subject, iif(bytes <= :inline, result, NULL) AS result, redirect_url, completed_at, share
