"""Results of a made-up classifier that is right more often than not, with its baseline."""

import torch

from sentiment.data.splits import Split
from sentiment.evaluation.comparison import compare_one
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation

LABELS = ["anger", "joy", "sadness"]


class Guess:
    """Stands where the baseline does: probabilities of a weaker classifier."""

    def __init__(self, probabilities):
        self.found = probabilities

    def probabilities(self, texts, labels):
        return self.found


def made_up(rows=300, labels=LABELS, *, texts=None, temperature=1.7, seed=0):
    """Results on one test split; its probabilities are made with `temperature`."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(len(labels), (rows,), generator=generator)
    texts = texts or [f"text {i} " + "and so on " * (i % 7) for i in range(rows)]
    split = Split(texts, [labels[i] for i in targets.tolist()])

    def probabilities(skill):
        logits = torch.randn(rows, len(labels), generator=generator)
        logits[torch.arange(rows), targets] += skill
        return (2 * logits).softmax(dim=-1)

    tokens = [len(text.split()) + 2 for text in texts]
    result = Evaluation(list(labels), split, probabilities(2), 1.0, tokens, [False] * rows).at(temperature)
    return Results({"test": result}, {"test": compare_one(result, Guess(probabilities(0.7)))})
