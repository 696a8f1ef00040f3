"""A cluster that keeps the workers and the trainer of a run alive: Ray. The log stays outside."""
