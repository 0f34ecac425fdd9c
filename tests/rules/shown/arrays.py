"""Arguments of the programs."""

import numpy as np

X, Y = np.array([0.5, -2.0, 3.0]), np.array([1.5, 0.25, -1.0])
M = np.arange(12.0).reshape(3, 4)
SQUARE = np.ones((70, 70))
MASK = np.array([True, False, True])
