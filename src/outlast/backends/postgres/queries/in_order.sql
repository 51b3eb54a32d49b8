-- For the rest of the transaction: rows come in the order of an index rather than to be sorted. Where statistics say
-- that hardly a session waits or is worked on, the planner finds any index as good, though there may be a hundred
-- thousand entries in it that a transaction held open keeps. Plans that have to sort look so dear that they would be
-- compiled.
SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true)
