"""Linear systems and eigenpairs, given only products with an operator."""
