from tests.batch.conftest import engine
from tests.stores import memory, s3

__all__ = ["engine", "memory", "s3"]
