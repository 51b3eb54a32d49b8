SELECT 'SQLite ' || sqlite_version() AS version, :now AS at
