"""`import sentiment`: the promised names, loaded late, typed in their errors."""

import ast
import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas
import pytest

import sentiment
from sentiment import Predictor, Run, SentimentError, evaluate, train
from sentiment.client import AsyncClient, Client
from sentiment.errors import ConfigError, DataError, ModelError, RejectedError, RequestError
from sentiment.run_dir import overrides
from tests.conftest import ROOT, read_json

NAMES = {
    *("AsyncClient", "Client", "Explanation", "Prediction", "Predictor", "Run", "SentimentError"),
    *("__version__", "evaluate", "train"),
}
HEAVY = ("torch", "transformers", "tokenizers", "hydra", "omegaconf", "pytorch_lightning", "httpx", "numpy", "pandas")
TEXTS = ["good film", "bad meal and so on", "a phone", "good " * 40] * 4


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the modules that it has loaded."""
    program = f"import sys\n{code}\nprint('|'.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split("|"))


def test_the_promised_names_are_these():
    assert set(sentiment.__all__) == NAMES
    assert set(dir(sentiment)) >= NAMES
    assert all(getattr(sentiment, name) for name in NAMES)
    with pytest.raises(AttributeError, match="module 'sentiment' has no attribute 'Predicter'"):
        _ = sentiment.Predicter


def test_type_checkers_see_every_name():
    """The block for type checking names what `__getattr__` finds, from the same modules."""
    tree = ast.parse((ROOT / "src" / "sentiment" / "__init__.py").read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    found = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert found == sentiment._MODULES
    assert set(found) | {"__version__"} == NAMES


@pytest.mark.parametrize(
    "code", ["import sentiment", "import sentiment\ndir(sentiment)", "from sentiment.cli import main\nmain(['--help'])"]
)
def test_an_import_and_the_help_load_nothing_heavy(code):
    plain = loaded_after("")
    modules = loaded_after(code)
    assert [name for name in HEAVY if name in modules] == []
    assert len(modules - plain) < 120  # a tenth of a second; torch alone is 1,500


def test_the_version_is_loaded_late_too():
    assert "importlib.metadata" not in loaded_after("import sentiment") - loaded_after("")
    assert sentiment.__version__.split(".")[0].isdigit()


def test_clients_need_no_torch():
    assert {"torch", "transformers", "hydra"}.isdisjoint(loaded_after("from sentiment import Client, Prediction"))


def test_a_served_archive_has_the_names_it_can(tiny_run, tmp_path):
    """The package as archives carry it, alone on the path."""
    import zipfile

    from sentiment.serving.archive import package

    with zipfile.ZipFile(package(run=tiny_run, model_store=tmp_path)) as archive:
        archive.extractall(tmp_path / "archive")
    code = (
        "import sys, importlib.metadata as m\n"
        "sys.path[:] = [sys.argv[1], *[p for p in sys.path if not p.endswith('/src')]]\n"
        "sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        "real = m.distribution\n"
        "def distribution(name):\n"
        "    if name == 'bert-sentiment':\n        raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.distribution = distribution\n"
        "import sentiment\n"
        "assert sentiment.__file__.startswith(sys.argv[1]), sentiment.__file__\n"
        "assert not {'torch', 'httpx'} & set(sys.modules)\n"
        "print(sentiment.__version__, hasattr(sentiment, 'train'), sentiment.SentimentError.__name__)\n"
        "from sentiment import Explanation, Prediction, Predictor\n"
        "print(Predictor.from_pretrained(sys.argv[1])('good film').label)\n"
        "try:\n    sentiment.Client\nexcept AttributeError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "archive")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version, label, client = done.stdout.splitlines()
    assert version == "0+unknown False SentimentError"
    assert label == Predictor.from_pretrained(tiny_run)("good film").label
    assert client == "sentiment.Client is no part of a served archive; install bert-sentiment"


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """Train through the function what `tiny_run` trains through the command."""
    outputs = tmp_path_factory.mktemp("python")
    own = [word for word in overrides(tiny_run) if not word.startswith(("paths.", "run_name="))]
    return train(run_name="tiny", overrides=[*own, f"paths.output_dir={outputs}", f"paths.cache={outputs}/cache"])


def test_train_makes_the_run_of_the_command(run, tiny_run):
    assert run == Run.open(run.folder)
    assert run.folder.name == "tiny"
    assert run.scores == read_json(run.folder / "metrics.json") == read_json(tiny_run / "metrics.json")
    assert {path.name for path in run.folder.iterdir()} == {path.name for path in tiny_run.iterdir()}
    ours, theirs = ({w for w in overrides(one) if not w.startswith("paths.")} for one in (run.folder, tiny_run))
    assert ours == theirs


def test_train_leaves_hydra_as_it_was(run):
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    before = HydraConfig.instance().cfg
    with pytest.raises(ConfigError):
        train(run_name="x", overrides=["model.lr=-1"])
    assert HydraConfig.instance().cfg is before
    assert not GlobalHydra.instance().is_initialized()
    assert not Path("outputs/x").exists()


def test_a_run_is_predicted_with_and_evaluated(run, corpus, tmp_path):
    assert Predictor.from_pretrained(run)("good film").label == "positive"
    assert evaluate(run, output=tmp_path / "own") == pytest.approx(run.scores["test"])
    assert (tmp_path / "own" / "report" / "report.html").is_file()
    file = evaluate(run, data=corpus / "validation.csv", output=tmp_path / "file", baseline=False)
    assert file == pytest.approx(run.scores["validation"])
    folder = evaluate(str(run.folder), data=str(corpus), split="validation", output=tmp_path / "folder", baseline=False)
    assert folder == pytest.approx(file)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": "nope"}, "data has no option 'nope'; choose one of"),
        ({"data": 3}, "data=3: expected a text, got int"),
        ({"overrides": ["trainer.max_epoch=3"]}, "unknown key trainer.max_epoch; did you mean trainer.max_epochs?"),
        ({"overrides": ["model.lr=-1"]}, "model.lr=-1: expected greater than 0"),
        ({"overrides": ["model.lr=1,2"]}, "commas separate the values of a sweep"),
        ({"overrides": ["hparams_search=optuna"]}, "ask for a sweep, and train makes one run"),
        ({"overrides": ["-m"]}, "-m is a flag of the command line"),
        ({"overrides": ["seed"]}, "'seed' sets nothing"),
        ({"overrides": "seed=1"}, "expected a list of texts, overrides=['seed=1']"),
        ({"run_name": "../x"}, "run_name=../x: the run's folder is"),
        ({"overrides": ["resume=nowhere"]}, "resume=nowhere: there is no nowhere/checkpoints/last.ckpt"),
    ],
)
def test_mistakes_of_training_are_raised(settings, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        train(**settings)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_raised_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SentimentError, match=r"nowhere\.csv"):
        train(data="files", overrides=["data.train=nowhere.csv"])


def test_mistakes_of_evaluation_are_raised(tiny_run):
    with pytest.raises(ConfigError, match="data=nowhere.csv: no such file or folder; give a path, or one of: demo,"):
        evaluate(tiny_run, data="nowhere.csv")
    with pytest.raises(ConfigError, match="split=dev: the data has"):
        evaluate(tiny_run, split="dev")
    with pytest.raises(ModelError, match="run=nowhere: no such folder"):
        evaluate("nowhere")
    with pytest.raises(ModelError, match=r"no finished run: it has no metrics\.json"):
        Run.open("nowhere")


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


async def ask(method):
    async with AsyncClient(url="http://127.0.0.1:1") as client:
        return await getattr(client, method)("good film")


@pytest.mark.parametrize("method", ["predict", "explain"])
def test_clients_refuse_one_text_too(method):
    import asyncio

    with Client(url="http://127.0.0.1:1") as client, pytest.raises(RejectedError, match="got one text"):
        getattr(client, method)("good film")
    with pytest.raises(RejectedError, match="got one text"):
        asyncio.run(ask(method))


@pytest.mark.parametrize("options", [{}, {"top_k": None}, {"top_k": 1}, {"top_k": 2}, {"top_k": 9}])
@pytest.mark.parametrize("texts", ["good film", ["good film", "bad meal"]])
def test_pipeline_answers_as_that_of_transformers(options, texts, tiny_run):
    from dataclasses import replace

    from transformers import pipeline

    predictor = Predictor.from_pretrained(tiny_run, runtime="torch")
    predictor.preprocessing = replace(predictor.preprocessing, temperature=1.0)  # transformers knows none
    theirs = pipeline("text-classification", model=str(tiny_run / "export"))(texts, **options)
    ours = predictor.pipeline(texts, **options)
    assert flat(ours) == pytest.approx(flat(theirs), abs=1e-5)


def flat(value, path=""):
    """Return nested answers as {path: score}, labels in the paths."""
    if isinstance(value, dict):
        assert set(value) == {"label", "score"}
        return {f"{path}/{value['label']}": value["score"]}
    return {key: score for i, one in enumerate(value) for key, score in flat(one, f"{path}/{i}").items()}


def test_top_k_is_a_number_of_labels(tiny_run):
    predictor = Predictor.from_pretrained(tiny_run)
    for wrong in (0, -1, 1.5, "2", True):
        with pytest.raises(ConfigError, match="top_k="):
            predictor.pipeline("good film", top_k=wrong)


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
    with pytest.raises(ConfigError, match="revision=main: .* is a local folder, which has no revisions"):
        Predictor.from_pretrained(tiny_run, revision="main")
    with pytest.raises(ModelError, match="run=outputs/none: no such folder"):
        Predictor.from_pretrained(Path("outputs/none"))
    with pytest.raises(ModelError, match="outputs/none: no such folder on this machine, and not to be loaded from the"):
        Predictor.from_pretrained("outputs/none")


def test_an_unknown_label_is_refused(tiny_run):
    with pytest.raises(RequestError, match="no label 'joy'"):
        Predictor.from_pretrained(tiny_run).explain(["good film"], target="joy")


def test_every_public_function_says_what_it_takes_and_raises():
    functions = [train, evaluate, Run.open, Predictor.from_pretrained, Predictor.__call__, Predictor.pipeline]
    for function in functions:
        docstring = inspect.getdoc(function) or ""
        assert all(f"{section}:\n" in docstring for section in ("Args", "Returns", "Raises")), function
        named = [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]
        assert [name for name in named if f"    {name}: " not in docstring] == [], function


def test_the_reference_page_has_every_name():
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import python_page
    finally:
        sys.path.pop(0)
    page = python_page.render()
    assert all(f"## `{name}`" in page for name in NAMES)
    assert "- `top_k`: How many labels of each text" in page
    assert "train(\n    *,\n    data: str | None = None,\n" in page
    assert "- `server_name`: The name that the certificate must hold" in page  # what the clients share
    assert "├── ConfigError" in page
    assert "\n```\n\n\n" not in page, "a method without a docstring"
