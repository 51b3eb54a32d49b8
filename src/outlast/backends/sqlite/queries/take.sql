DELETE FROM facts WHERE space = :space AND key = :key AND until > :now RETURNING key, item, value
