"""The front end without TorchServe: the inference API as an ASGI application, which Granian serves."""
