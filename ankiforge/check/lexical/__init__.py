"""Words, numbers and forms: how the checks read text."""
