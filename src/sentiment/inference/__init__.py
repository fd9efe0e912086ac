"""Text to prediction: cleaning, tokenization, runtimes, the predictor and its explanations."""
