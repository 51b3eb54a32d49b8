iif({1} >= 2, 2, iif(limits IS NULL, 1, 3))
