"""The registry's resources, one module each: routes, and what they do to the database."""
