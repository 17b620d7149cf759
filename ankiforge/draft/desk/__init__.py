"""Where requests are asked: the purse, the ladder of forms, and the one narrow door to a server."""
