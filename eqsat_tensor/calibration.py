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
from eqsat_tensor.machine import DEFAULT, Profile
from eqsat_tensor.runtime.cache import default_cache


def profile_path() -> Path:
    """Where the figures of a machine with this processor are kept."""
    return default_cache().directory / f"profile-{jit.host().cpu}.json"


@cache
def profile() -> Profile:
    """The figures that this process prices by: this machine's where it was calibrated, else those shipped.

    A file that is damaged gives one warning, and those shipped.
    """
    path = profile_path()
    try:
        return Profile.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError, TypeError) as error:
        warnings.warn(
            f"calibration: needs figures that `eqsat calibrate` wrote; got {path} ({error}). "
            "Shipped figures are used; calibrate again, or remove the file.",
            RuntimeWarning,
            stacklevel=2,
        )
        return DEFAULT


def keep_profile(figures: Profile) -> Path:
    """Write the figures for later processes, whole or not at all; this one keeps what it has."""
    import tempfile

    profile()  # what this process prices by does not change while it runs
    path = profile_path()
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
