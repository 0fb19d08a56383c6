"""One module per command; each has a `command`, and is imported only when that command runs."""
