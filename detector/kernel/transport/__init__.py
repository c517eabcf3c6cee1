"""TCP: sequence numbers, and segments put in their order."""
