"""A draft beside its source: no card says what its source does not."""
