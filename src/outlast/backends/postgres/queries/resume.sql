DELETE FROM pauses WHERE kind = %(kind)s AND name = %(name)s RETURNING name
