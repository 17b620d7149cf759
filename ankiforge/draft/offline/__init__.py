"""The embedded drafter: no model, no network."""
