SELECT c.at, floor(extract(EPOCH FROM c.at) * 1000)::bigint AS ms FROM (SELECT clock_timestamp() AS at) AS c
