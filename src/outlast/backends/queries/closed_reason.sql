SELECT shut_because FROM door
