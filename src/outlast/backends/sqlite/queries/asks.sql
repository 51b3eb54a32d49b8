SELECT error_code = 'question' FROM analysis_sessions WHERE id = :id
