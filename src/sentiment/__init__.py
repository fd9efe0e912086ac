"""Fine-tune BERT for text sentiment and take it to users: train, evaluate, package, serve, predict."""
