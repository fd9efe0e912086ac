"""Parts that only a TorchServe worker needs: Prometheus metrics and the socket reader."""
