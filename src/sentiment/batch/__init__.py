"""Batch prediction of files of any size."""

from sentiment.batch.command import predict

__all__ = ["predict"]
