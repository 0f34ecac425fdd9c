"""Graphs as text: `pprint` and `to_source` in NumPy's syntax, `debug_print` as a tree."""

from eqsat_tensor.printing.source import pprint, to_source
from eqsat_tensor.printing.tree import debug_print, graph_text

__all__ = ["debug_print", "graph_text", "pprint", "to_source"]
