SELECT id, bytes FROM uploads WHERE user_session = %(owner)s AND sha256 = %(sha256)s
