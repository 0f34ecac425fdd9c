"""CUDA C text from a plan, cubins from the text, and CuPy to run them."""
