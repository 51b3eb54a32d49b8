UPDATE OR IGNORE uploads SET user_session = :owner WHERE user_session = :anonymous
