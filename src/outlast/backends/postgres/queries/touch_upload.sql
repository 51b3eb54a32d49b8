UPDATE uploads SET used_at = clock_timestamp() WHERE user_session = %(owner)s AND sha256 = %(sha256)s
RETURNING sha256, name, bytes, used_at
