SELECT pg_advisory_xact_lock(hashtextextended(%(owner)s, 7308895118470))
