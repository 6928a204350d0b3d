"""Who runs the work: the client, the supervisor, one process per training run, the lens pool."""
