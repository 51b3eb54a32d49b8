-- Processes that know the schema up to number 6 may still run.
-- Set by the check that the store can write, in the place of the row of `pulse`.
CREATE SEQUENCE pulse_number;
