"""Where spans go: exporters by name, and a tree for the console."""
