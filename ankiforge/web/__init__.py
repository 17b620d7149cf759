"""The review page: an HTTP server on the loopback interface, and the session that it serves."""
