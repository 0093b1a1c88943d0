"""The roles a plugin can play, and what the harness hands to each.

Estimator, model and ground truth are the three interfaces of the core. An estimator predicts the matrix of effects
that a ground truth measures; the rest is bookkeeping.
"""
