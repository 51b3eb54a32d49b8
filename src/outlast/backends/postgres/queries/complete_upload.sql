UPDATE uploads SET sha256 = %(sha256)s, bytes = %(bytes)s, used_at = clock_timestamp() WHERE id = %(id)s
RETURNING sha256, name, bytes, used_at
