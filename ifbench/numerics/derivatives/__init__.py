"""Losses, gradients and products with the Hessian."""
