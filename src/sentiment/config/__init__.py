"""Configuration: conf/ composed by Hydra and validated against the signatures before any work starts."""
