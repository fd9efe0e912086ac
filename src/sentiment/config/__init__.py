"""The configuration: conf/ composed by Hydra and checked against signatures before work starts."""
