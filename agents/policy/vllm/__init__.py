"""vLLM: a sampler over a server of it, which simctl begins or finds, and how versions get there."""
