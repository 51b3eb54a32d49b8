-- The identity of a worker's process, where nobody but the other processes of its machine can see that it has ended.
-- NULL: a supervisor watches it, or its system has no such identity.
ALTER TABLE workers ADD COLUMN process TEXT;
