"""Nothing leaves the machine unless a hub id is named: the reports of libraries on their own use are off."""

import os

ENVIRONMENT = {  # libraries read it as they are imported; a value that is set already stays
    "ORT_DISABLE_TELEMETRY": "1",  # else ONNX Runtime keeps a device id and a database of events, and sends them
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # else the hub is asked to convert a model that was loaded as a pickle
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}


def keep_to_this_machine() -> None:
    """Switch the reports off, for this process and those that it starts; before the libraries are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
