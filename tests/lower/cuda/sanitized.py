"""``python sanitized.py PLAN``: launches of emulated kernels, in a process under a sanitizer.

The plan (pickled by `test_sanitizers`) names a library, and for each run the buffers and launches.
Every buffer is memory of its own, so that what runs over its end is found.  Imports little: all that
is imported runs under the sanitizer, too.  Prints "clean" at the end.
"""

import ctypes
import pickle
import sys
from pathlib import Path

import numpy as np


def main(path: str) -> None:
    """Run a plan: (library, [(buffers, launches)])."""
    library_path, runs = pickle.loads(Path(path).read_bytes())
    library = ctypes.CDLL(library_path)
    for buffers, launches in runs:
        memory = {n: np.array(b) if isinstance(b, np.ndarray) else np.empty(b, np.uint8)
                  for n, b in buffers.items()}  # fmt: skip
        for function, geometry, arguments in launches:
            held = [
                np.array(memory[a].ctypes.data) if isinstance(a, str) else np.array(a)
                for a in arguments
            ]
            pointers = (ctypes.c_void_p * max(1, len(held)))(*(h.ctypes.data for h in held))
            library[function](pointers, (ctypes.c_uint * 4)(*geometry))
    sys.stdout.write("clean\n")


if __name__ == "__main__":
    main(sys.argv[1])
