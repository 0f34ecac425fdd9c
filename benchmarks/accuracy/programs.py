"""Array programs as people write them, with arguments at which digits are at stake.

A program takes the array namespace and arrays; the same text runs on every system.  A draw makes
the arguments of one call: shapes are small, for every element is evaluated in high precision, too.
"""

from __future__ import annotations

import densities
import geometry
import growth
import statistical
from drawn import PROGRAMS, Program

__all__ = ["PROGRAMS", "Program"]
ROOMS = (statistical, densities, growth, geometry)  # each adds its programs as it is imported
