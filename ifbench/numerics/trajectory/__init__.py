"""Derivatives of a stretch of training in the weights of examples."""
