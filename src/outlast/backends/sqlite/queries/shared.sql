SELECT {result_columns} FROM results WHERE share = :token
