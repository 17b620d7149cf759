"""Reports that the commands print about cards, workspaces and runs, as text and JSON."""
