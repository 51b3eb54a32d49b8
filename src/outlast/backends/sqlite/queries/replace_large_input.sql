INSERT OR REPLACE INTO large_inputs (session_id, input) VALUES (:id, :input)
