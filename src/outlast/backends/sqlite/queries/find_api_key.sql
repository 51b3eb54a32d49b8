SELECT {api_key_columns} FROM api_keys WHERE digest = :digest
