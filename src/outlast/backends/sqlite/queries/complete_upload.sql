UPDATE uploads SET sha256 = :sha256, bytes = :bytes, used_at = :now WHERE id = :id
RETURNING sha256, name, bytes, used_at
