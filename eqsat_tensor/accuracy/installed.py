"""Imported before what needs mpmath: says which package is missing, and how to get it."""

import importlib.util

from eqsat_tensor.errors import UnsupportedError, message

if importlib.util.find_spec("mpmath") is None:
    hint = 'pip install "eqsat_tensor[accuracy]".'
    raise UnsupportedError(message("accuracy", "the package mpmath", "", hint))
