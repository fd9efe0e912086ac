"""Speed beside the peers a user would take instead, both in the same run: python -m benchmarks."""
