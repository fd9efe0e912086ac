"""Knowledge distillation: the loss, and what teachers answer."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch

from sentiment import Predictor
from sentiment.data.module import SentimentData
from sentiment.errors import ConfigError
from sentiment.evaluation.calibration import apply_temperature
from sentiment.training import distillation
from sentiment.training.distillation import open_teacher, teach
from sentiment.training.losses import Corn, CrossEntropy, Squared, distillation_loss, symmetric_divergence
from sentiment.training.tasks import Scale, Single
from tests.conftest import read_json


@pytest.fixture
def data(tiny_backbone, corpus, tmp_path):
    made = SentimentData(backbone=tiny_backbone, cache_dir=tmp_path / "cache", dir=corpus, max_length=32, batch_size=8)
    made.setup()
    return made


@pytest.fixture(scope="session")
def second_run(train_tiny):
    return train_tiny("second", "seed=7", "trainer.max_epochs=3")


def test_the_loss_is_the_divergence_at_a_temperature_times_its_square():
    logits, answers = torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.5, 0.5], [0.0, 0.0]])
    student = torch.tensor([2.0, 0.0]).div(4).softmax(0)
    expected = 16 * (0.5 * (0.5 / student).log()).sum()
    torch.testing.assert_close(distillation_loss(logits, answers, 4.0), torch.tensor([expected, 0.0]))


def test_the_divergence_of_two_passes_is_symmetric_and_none_of_equal_ones():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    p, q = a.softmax(-1), b.softmax(-1)
    expected = ((p * (p / q).log()).sum() + (q * (q / p).log()).sum()) / 2
    torch.testing.assert_close(symmetric_divergence(a, b), expected[None])
    torch.testing.assert_close(symmetric_divergence(a, a + 3), torch.zeros(1))


@pytest.mark.slow
def test_an_ensemble_is_the_mean_of_probabilities_at_the_temperature(data, tiny_run, second_run):
    said = teach(data, [str(tiny_run), str(second_run)], temperature=3.0, device="cpu")
    expected = 0
    for run in (tiny_run, second_run):
        with Predictor.load(run) as teacher:
            expected += teacher.probabilities(data.splits["train"].texts).log().div(3).softmax(-1) / 2
    np.testing.assert_allclose(data.soft_targets, expected.numpy(), atol=1e-6)
    assert [model["name"] for model in said["models"]] == [str(tiny_run), str(second_run)]
    assert said["unlabelled"] == 0


def test_each_row_of_a_batch_has_its_own_answer(data, tiny_run):
    teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    answers = {
        tuple(row["input_ids"]): answer for row, answer in zip(data._tokenized["train"], data.soft_targets, strict=True)
    }
    seen = 0
    for batch in data.train_dataloader():
        for ids, mask, answer in zip(batch["input_ids"], batch["attention_mask"], batch["soft_targets"], strict=True):
            np.testing.assert_allclose(answer, answers[tuple(ids[mask.bool()].tolist())], atol=1e-6)
            seen += 1
    assert seen == len(data.splits["train"])


def test_answers_are_computed_once(data, tiny_run, monkeypatch):
    teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    first = data.soft_targets
    monkeypatch.setattr(Predictor, "probabilities", lambda *_: pytest.fail("computed again"))
    teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    np.testing.assert_array_equal(data.soft_targets, first)


def test_a_stopped_run_keeps_the_answers_it_has(data, tiny_run, monkeypatch):
    monkeypatch.setattr(distillation, "CHUNK", 16)
    answer, asked = Predictor.probabilities, []

    def stopping(teacher, texts):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.extend([len(texts)])
        return answer(teacher, texts)

    monkeypatch.setattr(Predictor, "probabilities", stopping)
    with pytest.raises(KeyboardInterrupt):
        teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    again = []
    monkeypatch.setattr(Predictor, "probabilities", lambda *args: again.extend(args[1]) or answer(*args))
    teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    texts = data.splits["train"].texts
    assert again == texts[32:]
    with Predictor.load(tiny_run) as teacher:
        np.testing.assert_allclose(data.soft_targets, answer(teacher, texts).numpy(), atol=1e-6)


def test_packed_rows_keep_their_answers(data, tiny_run):
    teach(data, [str(tiny_run)], temperature=1.0, device="cpu")
    answers = {tuple(row["input_ids"]): i for i, row in enumerate(data._tokenized["train"])}
    data.packed = True
    for batch in data.train_dataloader():
        rows = batch["input_ids"][0].split(batch["cu_seq_lens_q"].diff().tolist())[:-1]
        places = [answers[tuple(row.tolist())] for row in rows]
        np.testing.assert_array_equal(batch["soft_targets"], data.soft_targets[places])
        assert batch["labels"].tolist() == [data._tokenized["train"][i]["label"] for i in places]


@pytest.mark.parametrize(("task", "loss"), [(Scale(), Corn()), (Scale(), Squared()), (Single(), CrossEntropy())])
def test_a_student_with_the_teachers_logits_diverges_in_nothing(task, loss):
    labels, logits = ["-1", "0", "1"], torch.tensor([[2.0, 0.5, -1.0], [0.0, -3.0, 0.3]])
    decoding = task.decoding(labels, Counter(labels), loss)
    scores = decoding.log_scores(logits)
    answers = apply_temperature(decoding.normalized(scores), 3.0)
    torch.testing.assert_close(distillation_loss(scores, answers, 3.0), torch.zeros(2), atol=1e-5, rtol=0)
    other = decoding.log_scores(-logits)
    assert (distillation_loss(other, answers, 3.0) > 0.01).all()
    assert (symmetric_divergence(scores, other) > 0.01).all()


def test_a_teacher_of_another_kind_of_text_or_label_is_refused(data, aspect_run, multi_run):
    with pytest.raises(ConfigError, match="reads an aspect, and the texts have none; name a teacher of such texts"):
        teach(data, [str(aspect_run)], temperature=1.0, device="cpu")
    with pytest.raises(ConfigError, match="gives a text any number of labels, the data one; name a teacher of one"):
        teach(data, [str(multi_run)], temperature=1.0, device="cpu")


def test_unlabelled_texts_without_an_aspect_are_refused_beside_those_with_one(tiny_backbone, aspect_corpus, tmp_path):
    (tmp_path / "more.txt").write_text("good film", encoding="utf-8")
    made = SentimentData(
        backbone=tiny_backbone,
        cache_dir=tmp_path / "cache",
        dir=aspect_corpus,
        aspect_column="target",
        unlabelled=tmp_path / "more.txt",
    )
    with pytest.raises(ConfigError, match="data.unlabelled has texts without an aspect, and those of train have one"):
        made.setup()
    assert not made.splits


@pytest.mark.slow
def test_a_teacher_of_other_labels_is_refused(data, train_tiny, corpus, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(train_tiny("names") / "export", other)
    config = read_json(other / "config.json")
    config["id2label"], config["label2id"] = {"0": "sad", "1": "glad"}, {"sad": 0, "glad": 1}
    (other / "config.json").write_text(json.dumps(config))
    (other / "SHA256SUMS").unlink()
    with pytest.raises(ConfigError, match="has the labels sad, glad, the data negative, positive; name a teacher of"):
        teach(data, [str(other)], temperature=1.0, device="cpu")


def test_a_plain_model_of_transformers_teaches_too(data, tiny_run, tmp_path):
    """Its labels may stand in another order, and its tokenizer is its own."""
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tiny_run / "export" / name, plain / name)
    texts = data.splits["train"].texts
    with (
        open_teacher(str(plain), device="cpu", preprocessing=data.preprocessing) as teacher,
        Predictor.load(tiny_run) as own,
    ):
        own.preprocessing = teacher.preprocessing
        torch.testing.assert_close(teacher.probabilities(texts), own.probabilities(texts))
