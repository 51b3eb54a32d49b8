session_id, analysis, subject, iif(bytes <= :inline, result, NULL), redirect_url, completed_at, share
