"""From a plan to records: what has to be done, where, and what came of it."""
