"""YAML that people write."""

from pathlib import Path
from typing import Any

import yaml

from app.errors import InputError


def read_yaml(path: Path, *, missing: str) -> Any:  # noqa: ANN401  any YAML value
    """What a file holds.

    Raises: InputError naming the file, the line and the remedy; `missing` is that of a file that is none.
    """
    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; {missing}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__})") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        raise InputError(f"{path}{line}: is no YAML; mend it there") from error
