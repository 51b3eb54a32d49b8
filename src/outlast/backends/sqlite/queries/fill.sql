UPDATE door SET filling = :filling
