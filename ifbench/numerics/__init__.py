"""Derivatives, solvers, update functions and training."""
