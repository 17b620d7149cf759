"""Cards: what is drawn of a passage, and in which slot it stays."""
