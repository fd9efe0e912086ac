"""Fine-tune: `python train.py trainer.max_epochs=3 model.lr=2e-5`, sweep with -m, see --help."""

import sys

from sentiment.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
