"""From YAML to cells."""
