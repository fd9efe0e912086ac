"""Model rollout: serve a candidate beside the default version, evaluate it, promote it, and roll back."""

from sentiment.serving.rollout.deploy import deploy, rollback

__all__ = ["deploy", "rollback"]
