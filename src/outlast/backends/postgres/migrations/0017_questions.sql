-- Processes that know the schema up to number 9 may still run.
-- They end no session with questions, and their retry of one leaves the column as it is, which counts only for
-- failed sessions with the code `question`.
ALTER TABLE analysis_sessions ADD COLUMN asked text; -- JSON: a pointer into the input, and the questions to the visitor
