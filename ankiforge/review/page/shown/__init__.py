"""What one item shows: the source on one side, cards or versions on the other; HTML of ours."""
