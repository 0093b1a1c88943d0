"""What data sets have in common: where files are, which examples are taken, tables, images."""
