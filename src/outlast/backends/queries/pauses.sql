SELECT kind, name FROM pauses ORDER BY kind, name
