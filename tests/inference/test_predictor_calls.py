"""The `Predictor` as a user's program calls it: one text or many, threads, closing, a model of the hub."""

from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path

import pandas
import pytest

from sentiment import Predictor
from sentiment.batch.ray_data import RayData
from sentiment.errors import ConfigError, DataError, ModelError, RequestError

TEXTS = ["good film", "bad meal and so on", "a phone", "good " * 40] * 4


def test_one_text_gets_one_prediction_and_many_a_list(tiny_run):
    predictor = Predictor.from_pretrained(str(tiny_run))
    expected = predictor.predict(TEXTS)
    assert predictor(TEXTS) == predictor(tuple(TEXTS)) == predictor(pandas.Series(TEXTS, index=range(16, 0, -1)))
    assert predictor(TEXTS) == expected
    assert predictor(TEXTS[0]).label == expected[0].label
    assert predictor(TEXTS[0]).probabilities == pytest.approx(expected[0].probabilities)
    assert predictor([]) == []


@pytest.mark.parametrize("method", ["predict", "probabilities", "explain", "encode"])
def test_one_text_where_a_list_is_expected_is_refused(method, tiny_run):
    predictor = Predictor.from_pretrained(tiny_run)
    with pytest.raises(DataError, match="expected a list of texts, got one text"):
        getattr(predictor, method)("good film")
    with pytest.raises(DataError, match=r"texts\[1\]: expected a text, got NoneType"):
        getattr(predictor, method)(["good film", None])
    with pytest.raises(DataError, match="expected a list of texts, got int"):
        getattr(predictor, method)(3)


@pytest.mark.parametrize("folder", ["tiny_run", "converted"])
def test_threads_share_a_predictor(folder, request):
    """Eight threads, the first calls included, get what one gets."""
    run = request.getfixturevalue(folder)
    expected = Predictor.from_pretrained(run).predict(TEXTS)
    explained = Predictor.from_pretrained(run).explain(TEXTS[:1])
    predictor = Predictor.from_pretrained(run)

    def work(number):
        answers = [predictor.predict(TEXTS) for _ in range(10)]
        return answers, predictor.explain(TEXTS[:1]), predictor.explainer

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert all(answer == expected for answers, _, _ in found for answer in answers)
    assert all(explanations == explained for _, explanations, _ in found)
    assert len({id(explainer) for *_, explainer in found}) == 1


def test_a_closed_predictor_says_so(tiny_run):
    import gc
    import weakref

    with Predictor.from_pretrained(tiny_run) as predictor:
        assert predictor("good film").label
        model = weakref.ref(predictor.model)
        predictor.explain(["good film"])
    gc.collect()
    assert model() is None
    for call in (predictor, predictor.predict, predictor.explain, predictor.pipeline):
        with pytest.raises(ModelError, match="this predictor is closed"):
            call(["good film"])
    predictor.close()


def test_a_model_of_the_hub_is_read_at_its_revision(tiny_run, tmp_path, monkeypatch):
    """The hub's cache on this machine, as its client lays it out, with the hub out of reach."""
    import shutil

    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository, commit = tmp_path / "models--user--mood", "a" * 40
    shutil.copytree(tiny_run / "export", repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    for name in ("main", "v1"):
        (repository / "refs" / name).write_text(commit)
    expected = Predictor.from_pretrained(tiny_run)("good film")
    assert Predictor.from_pretrained("user/mood")("good film") == expected
    assert Predictor.from_pretrained("user/mood", revision="v1")("good film") == expected
    with pytest.raises(ModelError, match="user/mood at revision v2: no such folder on this machine, and not"):
        Predictor.from_pretrained("user/mood", revision="v2")
    (repository / "snapshots" / commit / "preprocessing.json").unlink()
    with pytest.raises(ModelError, match=r"user/mood on the hub has no preprocessing\.json"):
        Predictor.from_pretrained("user/mood")


def test_a_path_is_no_hub_id(tiny_run):
    with pytest.raises(ConfigError, match="revision=main: .* is a folder, which has no revisions"):
        Predictor.from_pretrained(tiny_run, revision="main")
    with pytest.raises(ModelError, match="run=outputs/none: no such folder"):
        Predictor.from_pretrained(Path("outputs/none"))
    with pytest.raises(ModelError, match="outputs/none: no such folder on this machine, and not to be loaded from the"):
        Predictor.from_pretrained("outputs/none")


def test_an_unknown_label_is_refused(tiny_run):
    with pytest.raises(RequestError, match="no label 'joy'"):
        Predictor.from_pretrained(tiny_run).explain(["good film"], target="joy")


def test_a_run_in_a_store_is_opened_by_its_address(tiny_run):
    import fsspec

    fsspec.filesystem("memory").put(str(tiny_run / "export"), "/models/run/export", recursive=True)
    stored = Predictor.from_pretrained("memory://models/run")
    assert stored.predict(TEXTS[:2]) == Predictor.from_pretrained(tiny_run).predict(TEXTS[:2])
    with pytest.raises(ConfigError, match="which has no revisions"):
        Predictor.from_pretrained("memory://models/run", revision="main")


def test_whatever_opens_a_predictor_takes_the_settings_that_it_declares():
    """Hydra's keys are checked against these signatures."""
    declared = dict(signature(Predictor.from_pretrained).parameters)
    del declared["name"], declared["revision"]
    for opens in (Predictor.load, RayData):
        taken = signature(opens).parameters
        assert {name: taken.get(name) for name in declared} == declared
        assert "settings" not in taken
