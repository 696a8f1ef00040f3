"""Report: what a log says, as the tools have it that people look at experiments and traces with."""
