"""How bytes are read, and a place among them told, by all that decode."""
