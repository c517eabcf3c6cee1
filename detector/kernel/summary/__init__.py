"""Rows of channel windows: a message added, two rows merged, one turned round."""
