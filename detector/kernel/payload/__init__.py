"""New payload of a connection: messages, TLS records, keywords, names, copies for the dissectors."""
