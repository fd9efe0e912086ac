"""`import sentiment`: the promised names, loaded late, typed in their errors."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sentiment
from sentiment import Predictor, Run, SentimentError, evaluate, train
from sentiment.client import AsyncClient, Client
from sentiment.errors import ConfigError, ModelError, RejectedError
from sentiment.run_dir import overrides
from tests.conftest import ROOT, read_json

NAMES = {
    *("AsyncClient", "Client", "Explanation", "Prediction", "Predictor", "Run", "SentimentError"),
    *("__version__", "evaluate", "train"),
}
HEAVY = ("torch", "transformers", "tokenizers", "hydra", "omegaconf", "pytorch_lightning", "httpx", "numpy", "pandas")


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


@pytest.mark.slow
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
