UPDATE uploads SET sha256 = :sha256, bytes = :bytes, used_at = :now WHERE id = :id
