"""Stores for the tests of remote files: an S3 on loopback (moto) and memory://, fixtures that a conftest.py imports."""

import logging
import os
import urllib.request
from contextlib import contextmanager
from unittest import mock

import fsspec
import pytest

SECRETS = {"AWS_ACCESS_KEY_ID": "AKIDTESTKEY0000", "AWS_SECRET_ACCESS_KEY": "secretsecretsecret"}


@contextmanager
def s3_on_loopback():
    """Run an S3 server, point this process and its children at it, and yield a file system with the bucket `texts`."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it writes a line for each request
    host, port = server.get_host_and_port()
    settings = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_REGION": "us-east-1", "NO_PROXY": "127.0.0.1"}
    with mock.patch.dict(os.environ, {**SECRETS, **settings}):
        try:
            reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")
            urllib.request.urlopen(reset).close()  # moto keeps its buckets for the process, past its server
            fs = fsspec.filesystem("s3", use_listings_cache=False)
            fs.mkdir("texts")
            yield fs
        finally:
            server.stop()
            fs.clear_instance_cache()


@pytest.fixture(scope="package")
def s3():
    with s3_on_loopback() as fs:
        yield fs


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory", use_listings_cache=False)
    yield fs
    fs.rm("/", recursive=True)
