DELETE FROM facts WHERE space = %(space)s AND key = ANY(%(keys)s)
