"""What is said to a model, and what is made of its answer."""
