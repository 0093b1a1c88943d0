"""Selection of examples and comparison of effects."""
