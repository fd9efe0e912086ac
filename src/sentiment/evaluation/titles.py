"""Names of scores for readers, without the packages that compute the scores."""

TITLES = {
    "macro_mae": "macro MAE",
    "mae": "MAE",
    "quadratic_kappa": "quadratic kappa",
    "spearman": "Spearman",
    "micro_f1": "micro F1",
    "average_precision": "average precision",
    "subset_accuracy": "subset accuracy",
    "hamming": "Hamming loss",
    "accuracy": "accuracy",
    "f1": "macro F1",
    "macro_recall": "macro recall",
    "auroc": "AUROC",
    "label_f1": "F1",
    "label_ap": "average precision of a label",
    "precision": "precision",
    "recall": "recall",
    "loss": "loss",
}


def title(score: str, own: str = "") -> str:
    """Return a score's name for readers; a per-label score has the label after a comma.

    Args:
        score: Such as `f1` or `recall/negative`.
        own: Name of its metric, if that is not in TITLES.
    """
    kind, _, label = score.partition("/")
    return ", ".join(part for part in (own or TITLES.get(kind, kind), label) if part)
