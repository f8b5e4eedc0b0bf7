"""What runs: one file a pipeline."""
