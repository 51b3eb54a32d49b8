-- Processes that know the schema up to number 5 may still run.
-- How a worker was started (NULL: by an earlier version), its supervisor, and the version of the code that it runs.
ALTER TABLE workers ADD COLUMN kind TEXT;
ALTER TABLE workers ADD COLUMN supervisor TEXT;
ALTER TABLE workers ADD COLUMN program TEXT;
ALTER TABLE workers ADD COLUMN version TEXT;

-- What it reports with each renewal.
ALTER TABLE workers ADD COLUMN state TEXT NOT NULL DEFAULT 'running';
ALTER TABLE workers ADD COLUMN memory INTEGER; -- bytes
ALTER TABLE workers ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;

-- What an operator asked of it last, how often, and the number of the request that it has followed.
ALTER TABLE workers ADD COLUMN requested TEXT;
ALTER TABLE workers ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workers ADD COLUMN followed INTEGER NOT NULL DEFAULT 0;
