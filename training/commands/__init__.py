"""The commands of training, as the command line calls them by name."""
