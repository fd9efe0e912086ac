"""Fine-tuning: model, optimizer, CPU kernels, callbacks, processes, sweeps."""
