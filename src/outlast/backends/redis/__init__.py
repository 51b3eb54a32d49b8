"""Wake-ups through Redis, where several machines share one."""
