"""Fine-tuning of BERT for text sentiment, with evaluation, packaging, serving and batch prediction."""
