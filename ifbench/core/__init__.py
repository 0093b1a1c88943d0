"""What a plugin imports: roles, specs, parameters, errors, networks, data."""
