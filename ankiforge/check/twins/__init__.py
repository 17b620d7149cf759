"""A draft beside the cards there are."""
