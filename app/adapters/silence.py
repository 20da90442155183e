"""No library of ours phones home: what its makers read before they would."""

import os

QUIET = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "DISABLE_SAFETENSORS_CONVERSION": "1",  # transformers would ask the hub for other weights, in a thread
}


def silence() -> None:
    """Set them, whatever was set: these libraries see prompts.  Call before importing one."""
    os.environ.update(QUIET)
