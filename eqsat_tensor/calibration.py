"""The figures of this machine, if it was calibrated: `eqsat calibrate` writes them, compiles read them.

Nothing is ever measured inside a user's call.  The file lies in the cache directory, is read once a
process, and is part of the key of all code; so the same file gives the same programs.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from functools import cache
from pathlib import Path

from eqsat_tensor.lower.cpu import jit
from eqsat_tensor.machine import CUDA, DEFAULT, Profile
from eqsat_tensor.runtime.cache import default_cache

SHIPPED = {"cpu": DEFAULT, "cuda": CUDA}


def profile_path(target: str = "cpu") -> Path:
    """Where the figures of a machine with this processor are kept, or of its CUDA device."""
    name = "cuda" if target == "cuda" else jit.host().cpu
    return default_cache().directory / f"profile-{name}.json"


@cache
def profile_for(target: str) -> Profile:
    """The figures that programs for ``target``, "cpu" or "cuda", are priced by in this process: this
    machine's where it was calibrated, else those shipped.

    A file that is damaged gives one warning, and those shipped.
    """
    path = profile_path(target)
    try:
        return Profile.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return SHIPPED[target]
    except (OSError, ValueError, TypeError) as error:
        warnings.warn(
            f"calibration: needs figures that `eqsat calibrate` wrote; got {path} ({error}). "
            "Shipped figures are used; calibrate again, or remove the file.",
            RuntimeWarning,
            stacklevel=2,
        )
        return SHIPPED[target]


def profile() -> Profile:
    """The figures of this machine's processors."""
    return profile_for("cpu")


def keep_profile(figures: Profile, target: str = "cpu") -> Path:
    """Write the figures for later processes, whole or not at all; this one keeps what it has."""
    import tempfile

    profile_for(target)  # what this process prices by does not change while it runs
    path = profile_path(target)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(figures.to_json() + "\n")
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return path
