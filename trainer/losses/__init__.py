"""Losses, in torch: of tokens, pairs and values. Sums and denominators are the learner's."""
