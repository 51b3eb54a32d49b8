SELECT rowid FROM facts WHERE until <= :before
