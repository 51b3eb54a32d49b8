UPDATE attempts SET error = :returned WHERE worker_id = :formerly AND ended = 'lapsed' AND error = :lapsed
