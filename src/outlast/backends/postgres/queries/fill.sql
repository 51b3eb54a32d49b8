UPDATE door SET filling = %(filling)s
