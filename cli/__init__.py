"""What a person touches: the commands, and the one place where a run is put together."""
