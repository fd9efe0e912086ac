"""Migration of class names in run folders of earlier releases."""

import re

MODULES = {  # old module to current module, relative to the sentiment package
    "callbacks": "training.callbacks",
    "conversion": "export",
    "model": "training.model",
    "optimizers": "training.optimizers",
    "sweep": "training.sweeps",
    "text": "inference.preprocessing",
}
OLD = re.compile(rf"""(_target_\s*[:=]\s*['"]?sentiment\.)({"|".join(MODULES)})(?=\.)""")


def current_names(text: str) -> str:
    """Replace old module names in every `_target_` of a saved config or override."""
    return OLD.sub(lambda match: match[1] + MODULES[match[2]], text)
