"""Forms: how roles are asked, and how what they say is read."""
