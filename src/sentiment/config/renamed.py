"""Names of classes in run folders of earlier releases, read as the names of today."""

import re

MODULES = {  # below sentiment
    "callbacks": "training.callbacks",
    "conversion": "export",
    "model": "training.model",
    "optimizers": "training.optimizers",
    "sweep": "training.sweeps",
    "text": "inference.preprocessing",
}
OLD = re.compile(rf"""(_target_\s*[:=]\s*['"]?sentiment\.)({"|".join(MODULES)})(?=\.)""")


def current_names(text: str) -> str:
    """Return the text of a saved config or override with each `_target_` under its name of today."""
    return OLD.sub(lambda match: match[1] + MODULES[match[2]], text)
