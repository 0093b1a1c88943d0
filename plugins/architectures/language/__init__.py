"""What architectures over `transformers` have in common."""
