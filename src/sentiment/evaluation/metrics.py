"""Registry of the metrics, read by training, bootstrap intervals, report, leaderboard and model card."""

from collections.abc import Sequence

from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCohenKappa,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
    MultilabelAveragePrecision,
    MultilabelExactMatch,
    MultilabelF1Score,
    MultilabelHammingDistance,
    MultilabelPrecision,
    MultilabelRecall,
)
from torchmetrics.regression import MeanAbsoluteError

from sentiment.evaluation import titles
from sentiment.evaluation.metric import Metric
from sentiment.evaluation.resampling import Resamples, SeveralResamples
from sentiment.evaluation.titles import TITLES
from sentiment.evaluation.torch_metrics import (
    Auroc,
    BinaryNegativeLogLikelihood,
    MacroMeanAbsoluteError,
    NegativeLogLikelihood,
    spearman,
)

METRICS = [
    Metric(
        "macro_mae",
        lambda classes: MacroMeanAbsoluteError(),
        TITLES["macro_mae"],
        "how far the answered label is from the right one on the scale, each label counting alike however rare it is",
        higher_is_better=False,
        headline=True,
        tasks=("scale",),
        reads="values",
        resampled=Resamples.macro_mae,
    ),
    Metric(
        "mae",
        lambda classes: MeanAbsoluteError(),
        TITLES["mae"],
        "how far the answered label is from the right one on the scale, on average",
        higher_is_better=False,
        headline=True,
        tasks=("scale",),
        reads="values",
        resampled=Resamples.mae,
    ),
    Metric(
        "quadratic_kappa",
        lambda classes: MulticlassCohenKappa(classes, weights="quadratic"),
        TITLES["quadratic_kappa"],
        "the agreement with the right labels beyond chance, far ones counting more; 0 is chance, 1 is perfect",
        headline=True,
        tasks=("scale",),
        resampled=Resamples.quadratic_kappa,
    ),
    Metric(
        "spearman",
        spearman,
        TITLES["spearman"],
        "whether texts with a higher right label get a higher expected value (rank correlation); 1 is perfect",
        tasks=("scale",),
        reads="expected",
        resampled=Resamples.spearman,
    ),
    Metric(
        "micro_f1",
        lambda labels: MultilabelF1Score(labels, average="micro"),
        TITLES["micro_f1"],
        "the balance of precision and recall over all given labels, each counting alike",
        headline=True,
        tasks=("multi",),
        resampled=SeveralResamples.micro_f1,
    ),
    Metric(
        "average_precision",
        lambda labels: MultilabelAveragePrecision(labels, average="macro"),
        TITLES["average_precision"],
        "how purely a label's texts come first where texts are ranked by its probability, the mean over the labels "
        "(area under the precision-recall curve, without any threshold); chance is the share of the label's texts",
        headline=True,
        tasks=("multi",),
        reads="probabilities",
        resampled=SeveralResamples.mean_average_precision,
    ),
    Metric(
        "subset_accuracy",
        lambda labels: MultilabelExactMatch(labels),
        TITLES["subset_accuracy"],
        "the share of texts that get exactly their labels",
        headline=True,
        tasks=("multi",),
        resampled=SeveralResamples.subset_accuracy,
    ),
    Metric(
        "hamming",
        lambda labels: MultilabelHammingDistance(labels),
        TITLES["hamming"],
        "the share of all labels of all texts that are wrongly given or wrongly left out; lower is better",
        higher_is_better=False,
        tasks=("multi",),
        resampled=SeveralResamples.hamming,
    ),
    Metric(
        "accuracy",
        lambda classes: MulticlassAccuracy(classes, average="micro"),
        TITLES["accuracy"],
        "the share of texts that get the right label",
        headline=True,
        tasks=("single", "scale"),
        resampled=Resamples.accuracy,
    ),
    Metric(
        "f1",
        lambda classes: MulticlassF1Score(classes, average="macro"),
        TITLES["f1"],
        "the balance of precision and recall, each label counting alike however rare it is",
        headline=True,
        tasks=("single", "scale", "multi"),
        multilabel=lambda labels: MultilabelF1Score(labels, average="macro"),
        resampled=Resamples.macro_f1,
    ),
    Metric(
        "macro_recall",
        lambda classes: MulticlassRecall(classes, average="macro"),
        TITLES["macro_recall"],
        "the share of a label's texts that are found, each label counting alike however rare it is",
        tasks=("single", "scale", "multi"),
        multilabel=lambda labels: MultilabelRecall(labels, average="macro"),
        resampled=Resamples.macro_recall,
    ),
    Metric(
        "auroc",
        Auroc,
        TITLES["auroc"],
        "how often a text of a label gets a higher probability of it than a text of another; 0.5 is chance",
        headline=True,
        reads="probabilities",
        resampled=Resamples.auroc,
    ),
    Metric(
        "label_f1",
        lambda labels: MultilabelF1Score(labels, average=None),
        TITLES["label_f1"],
        "the balance of precision and recall of one label",
        tasks=("multi",),
        resampled=SeveralResamples.label_f1,
    ),
    Metric(
        "label_ap",
        lambda labels: MultilabelAveragePrecision(labels, average=None),
        TITLES["label_ap"],
        "how purely the label's texts come first where texts are ranked by its probability",
        tasks=("multi",),
        reads="probabilities",
        resampled=SeveralResamples.average_precision,
    ),
    Metric(
        "precision",
        lambda classes: MulticlassPrecision(classes, average=None),
        TITLES["precision"],
        "of the texts called by a label, the share that carry it",
        tasks=("single", "multi"),
        multilabel=lambda labels: MultilabelPrecision(labels, average=None),
        resampled=Resamples.precision,
    ),
    Metric(
        "recall",
        lambda classes: MulticlassRecall(classes, average=None),
        TITLES["recall"],
        "of the texts that carry a label, the share that are called by it",
        tasks=("single", "multi"),
        multilabel=lambda labels: MultilabelRecall(labels, average=None),
        resampled=Resamples.recall,
    ),
    Metric(
        "loss",
        lambda classes: NegativeLogLikelihood(),
        TITLES["loss"],
        "the surprise at the right labels (negative log likelihood); 0 is certainty, lower is better",
        higher_is_better=False,
        reads="probabilities",
        tasks=("single", "scale", "multi", "masked"),
        multilabel=lambda labels: BinaryNegativeLogLikelihood(),
        resampled=Resamples.loss,
    ),
]


def of_task(kind: str) -> list[Metric]:
    """Return the metrics that are defined for a kind of label."""
    return [metric for metric in METRICS if kind in metric.tasks]


def find(score: str) -> Metric | None:
    """Return the metric of a score such as `f1` or `recall/negative`; None if no metric has the name."""
    return next((metric for metric in METRICS if metric.name == score.partition("/")[0]), None)


def of_score(score: str) -> Metric:
    """Return the metric of a score as `find` does; KeyError if no metric has the name."""
    if metric := find(score):
        return metric
    raise KeyError(score)


def title(score: str) -> str:
    """Return the report's name of a score, of an added metric too; a per-label score has the label after a comma."""
    metric = find(score)
    return titles.title(score, metric.title if metric else "")


def sort_scores(scores: Sequence[str]) -> list[str]:
    """Sort score names in the order of METRICS, unknown ones last."""
    names = [metric.name for metric in METRICS]
    return sorted(scores, key=lambda score: (*names, kind).index(kind) if (kind := score.partition("/")[0]) else 0)
