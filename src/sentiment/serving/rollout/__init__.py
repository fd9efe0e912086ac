"""A new version beside the one in place, checked before it takes its place, and the way back."""

from sentiment.serving.rollout.deploy import deploy, rollback

__all__ = ["deploy", "rollback"]
