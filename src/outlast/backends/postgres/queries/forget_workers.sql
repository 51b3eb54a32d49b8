DELETE FROM workers WHERE id = ANY(%(ids)s)
