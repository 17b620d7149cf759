"""Taking in what sources show: what each sighting continues, and what is missing."""
