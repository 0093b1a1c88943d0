"""Derivatives, solvers, training and trained problems: everything that computes with tensors."""

import os

# Intel's library of matrix products rounds differently with the alignment of its operands, and so with the place of a
# run among others, unless it is told otherwise before its first call.
os.environ.setdefault("MKL_CBWR", "AUTO")
