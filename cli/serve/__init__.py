"""The dashboard: runs as a local web page."""
