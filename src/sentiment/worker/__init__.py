"""Components of a TorchServe worker: admission control, metrics, tracing, the socket reader."""
