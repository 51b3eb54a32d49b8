UPDATE attempts SET error = :returned WHERE worker_id = :previous_id AND ended = 'lapsed' AND error = :lapsed
