"""Commands: one thin file each. They import what they need when called, so that help is quick."""
