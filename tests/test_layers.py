"""A module imports only from floors below its own."""

import ast

import pytest

from sentiment.resources import PACKAGE

FLOORS = (
    {"errors"},
    {"files"},
    {"activity", "interrupts", "privacy", "resources", "text", "limits", "frames", "tracing"},
    {"schema"},
    {"tensors", "signatures", "tables", "resampling", "bodies"},
    {"resuming", "checksums", "targets", "study_storage", "overrides"},
    {"encoding", "protocol", "telemetry", "backbones", "client", "metrics", "java", "ports", "processes"}
    | {"parameters", "optimizers", "acceleration", "ranks", "cluster", "provenance", "runs", "baseline", "checkpoints"}
    | {"labels", "heads", "adapters", "schedules"},
    {"runtimes", "explanations", "intervals", "monitors"},
    {"networks", "origins"},
    {"predictor", "config"},
    {"calibration", "admission"},
    {"data", "model", "callbacks", "export", "packaging", "console", "compose", "report"},
    {"batch", "preprocessing", "evaluation", "serving"},
    {"conversion"},
    {"selection"},
    {"training", "demo", "deployment", "ui", "sweep", "leaderboard"},
    {"cli"},
    {"__main__"},
)
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py" and "_bundled" not in path.parts
)


def imported(path):
    """Names of our modules that a file imports, those for type checking left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sentiment":
            inner = node.module.split(".")[1:]
            yield from [inner[0]] if inner else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("sentiment."))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imported(path):
        assert name == own or FLOOR[name] < FLOOR[own], (
            f"{own} (floor {FLOOR[own]}) imports {name} (floor {FLOOR[name]})"
        )
