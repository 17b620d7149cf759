"""What a view holds under a filter, what comes next in it, and how long it will take."""
