UPDATE uploads SET used_at = :now WHERE user_session = :owner AND sha256 = :sha256
RETURNING sha256, name, bytes, used_at
