"""Health: what a round's events tell of how a society fares, and when to raise an alarm."""
