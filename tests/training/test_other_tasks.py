"""Keys of one task given with another: each is refused in one line before any data is read, and names what takes it."""

import pytest

from sentiment.cli import main
from sentiment.evaluation.metrics import METRICS
from sentiment.training.monitors import check_score, of_labels


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.threshold=0.3"], "unknown key task.threshold; task=multi takes it"),
        (["task.decision=median"], "unknown key task.decision; task=scale takes it"),
        (["task=multi", "+task.decision=median"], "takes no 'decision'; task=scale takes it"),
        (["task=scale", "+task.threshold=0.3"], "takes no 'threshold'; task=multi takes it"),
        (["loss=squared"], "Squared is for ordered labels; set task=scale, or loss=cross_entropy"),
        (["loss=corn"], "Corn is for ordered labels; set task=scale"),
        (["task=multi", "loss=squared"], "Squared is for ordered labels; set task=scale"),
        (["task=multi", "loss=focal"], "Focal is for texts of one label"),
        (["task=scale", "loss=binary_focal"], "BinaryFocal is for texts of several labels"),
        (["model.loss.pos_weight=balanced"], "; loss=binary_cross_entropy and loss=binary_focal take it"),
        (["model.loss.gamma=1"], "unknown key model.loss.gamma; loss=binary_focal and loss=focal take it"),
        (["task=multi", "+model.loss.label_smoothing=0.1"], "; loss=cross_entropy takes it"),
        (["data.default_aspect=food"], "data.default_aspect=food does nothing without data.aspect_column"),
        (["data.label_columns=[a,b]"], "each text has one label here"),
        (["task=multi", "data.multi_label=false"], "data.multi_label=false and task=multi: set task=multi alone"),
        (["task=multi", "model.r_drop=1.0"], "model.r_drop=1.0: for one label a text"),
        (["optimized_metric=macro_mae"], "optimized_metric: task=single has no macro_mae"),
        (["task=scale", "optimized_metric=hamming"], "optimized_metric: task=scale has no hamming"),
        (["task=multi", "optimized_metric=auroc"], "optimized_metric: task=multi has no auroc"),
    ],
)
def test_a_key_of_another_task_is_refused_in_one_line(overrides, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "data=files", f"data.train={tmp_path}/none.csv", f"paths.output_dir={tmp_path}", *overrides])
    said = capsys.readouterr().err.strip()
    assert stopped.value.code == 2
    assert message in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("task", "metric"), [(task, metric) for metric in METRICS for task in metric.tasks])
def test_every_metric_of_a_task_may_be_optimized(task, metric):
    name = f"{metric.name}/joy" if of_labels(metric) else metric.name
    assert check_score("optimized_metric", name, task) is metric
