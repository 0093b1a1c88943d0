"""Files on disk: artifacts and records."""
