SELECT ctid FROM facts WHERE until <= (SELECT clock_timestamp())
