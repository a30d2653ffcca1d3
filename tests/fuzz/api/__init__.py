"""schemathesis over the registry's own description: `scripts/schemathesis`."""
