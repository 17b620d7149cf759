"""What a person decides on the page: each ends in the same function as the terminal's."""
