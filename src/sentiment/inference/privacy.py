"""Telemetry opt-outs: no data leaves the machine unless a hub id is configured."""

import os

ENVIRONMENT = {  # libraries read these at import; values the user has set are kept
    "ORT_DISABLE_TELEMETRY": "1",  # by default ONNX Runtime stores a device id and an event database, and uploads them
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # by default transformers asks the hub to convert models loaded from pickle
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}


def keep_to_this_machine() -> None:
    """Disable library telemetry for this process and its children; call it before the libraries are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
