"""What to say where a Python module that the project stands on cannot be imported. It needs none itself."""

import sys
from pathlib import Path

VIRTUAL_ENVIRONMENT = Path(__file__).resolve().parent.parent / ".venv"


def cure(error: ModuleNotFoundError) -> str:
    """Return the sentence that names the module and what brings it back.

    An installation that has lost a module still says of itself that it is complete, so it is made anew.
    """
    if Path(sys.prefix).resolve() == VIRTUAL_ENVIRONMENT.resolve():
        return f"The Python module {error.name!r} is missing from .venv: run `make clean setup`; your data stays."
    return f"The Python module {error.name!r} is missing here: run `make setup`, then use .venv/bin/python."
