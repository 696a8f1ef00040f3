"""Turns: what one role is asked at a problem, and how its answers are graded."""
