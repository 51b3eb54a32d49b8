-- For the rest of the transaction, rows come in the order of an index. If statistics say that hardly any session is
-- pending or processing, the planner may choose an index with a hundred thousand dead entries that a transaction held
-- open keeps, and sort. Without sorting, other plans seem so expensive that they would be compiled.
SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true)
