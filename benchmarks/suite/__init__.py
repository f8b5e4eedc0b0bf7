"""The benchmark suite: systems beside one another in scenarios, their cost growth, a gate, a history, a profile."""
