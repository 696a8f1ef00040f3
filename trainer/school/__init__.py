"""The school: makes a small policy from nothing, out of lessons that others choose."""
