"""One frame into one descriptor, header by header, for `frames`."""
