UPDATE door SET shut_because = :reason, filling = 0
