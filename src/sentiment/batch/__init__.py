"""The batch job: predictions for files of any size."""

from sentiment.batch.job import predict

__all__ = ["predict"]
