UPDATE results SET user_session = :owner WHERE user_session = :anonymous
