"""What is kept: the event log and the versions of the policy."""
