"""What tracing costs, voicespan beside the others: `make bench`."""
