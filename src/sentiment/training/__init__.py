"""Fine-tuning: model, optimizer, CPU kernels, callbacks, distributed launch and sweeps."""
