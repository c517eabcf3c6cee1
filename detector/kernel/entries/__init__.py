"""The channel table: connections, channels and open rows, found and entered."""
