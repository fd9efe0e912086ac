"""Inference: text cleaning, tokenization, runtimes, the predictor and its explanations."""
