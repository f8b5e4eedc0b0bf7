"""What is measured: a module a scenario, each with the systems that take part in it."""
