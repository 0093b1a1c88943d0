"""Training as a fold of a pure update."""
