"""Export: what a run's models were shown and said, as a dataset that Hugging Face's tools read."""
