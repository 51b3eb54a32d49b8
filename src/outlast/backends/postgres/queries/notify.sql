-- In one transaction that is not waited for on disk: a hint may be lost, and NOTIFYs take turns until they are committed.
SELECT set_config('synchronous_commit', 'off', true), pg_notify('outlast', message)
FROM unnest(%(messages)s::text[]) AS message
