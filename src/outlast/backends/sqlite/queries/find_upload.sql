SELECT id, bytes FROM uploads WHERE user_session = :owner AND sha256 = :sha256
