"""Reports look at everything and change nothing."""
