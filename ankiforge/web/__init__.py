"""The review page: a server on loopback, and what it shows."""
