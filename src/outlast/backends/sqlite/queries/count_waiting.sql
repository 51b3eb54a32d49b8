SELECT sessions FROM waiting
