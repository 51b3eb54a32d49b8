(share IS NOT NULL AND (share_expires_at IS NULL OR share_expires_at > :now))
