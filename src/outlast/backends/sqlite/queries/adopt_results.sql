UPDATE results SET user_session = :owner, reuse_key = replace(reuse_key, :anonymous, :owner)
WHERE user_session = :anonymous
