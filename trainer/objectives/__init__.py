"""Objectives: from credited trajectories to weighted samples, one file an algorithm."""
