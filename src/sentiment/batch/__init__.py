"""Batch prediction of files of any size."""

from sentiment.batch.job import predict

__all__ = ["predict"]
