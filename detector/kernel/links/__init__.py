"""Link layers by their kind, for `linklayers`."""
