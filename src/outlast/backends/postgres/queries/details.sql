SELECT 'PostgreSQL ' || current_setting('server_version') AS version, clock_timestamp() AS at
