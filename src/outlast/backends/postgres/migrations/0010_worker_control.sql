-- Processes that know the schema up to number 6 may still run.
-- How a worker was started (NULL: by an earlier version), its supervisor, and the version of the code that it runs.
ALTER TABLE workers ADD COLUMN kind text;
ALTER TABLE workers ADD COLUMN supervisor text;
ALTER TABLE workers ADD COLUMN program text;
ALTER TABLE workers ADD COLUMN version text;

-- What it reports with each renewal.
ALTER TABLE workers ADD COLUMN state text NOT NULL DEFAULT 'running';
ALTER TABLE workers ADD COLUMN memory bigint; -- bytes
ALTER TABLE workers ADD COLUMN completed bigint NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN failed bigint NOT NULL DEFAULT 0;

-- What an operator asked of it last, how often, and the number of the request that it has followed.
ALTER TABLE workers ADD COLUMN requested text;
ALTER TABLE workers ADD COLUMN requests integer NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN followed integer NOT NULL DEFAULT 0;
