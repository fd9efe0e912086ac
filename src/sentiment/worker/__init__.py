"""Components of a worker: responses to a batch, admission control, metrics, tracing, TorchServe's socket reader."""
