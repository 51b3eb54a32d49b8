SELECT ctid FROM facts WHERE until <= %(before)s
