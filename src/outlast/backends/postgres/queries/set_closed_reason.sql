UPDATE door SET shut_because = %(reason)s
