"""Model rollout: serve a candidate beside the default version, evaluate it, promote it, and roll back."""
