"""What learns: from events to trajectories, samples and new weights."""
