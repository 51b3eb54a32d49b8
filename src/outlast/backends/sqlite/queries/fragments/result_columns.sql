-- The column of the expiry comes after the result in the file, so that it is read only where the result is.
session_id, analysis, subject, iif(bytes <= :inline, result, NULL) AS result, redirect_url, completed_at,
iif(bytes <= :inline AND {link_is_valid}, share, NULL) AS share,
iif(bytes <= :inline AND {link_is_valid}, share_expires_at, NULL) AS share_expires_at
