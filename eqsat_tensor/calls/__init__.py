"""Operations made of others: `subgraph`, `cond`, and `wrap` for what cannot be traced.

    call(x, y; graph)          a graph on its own parameters, compiled once however often it is used
    cond(p, x, y; graph, other)   one of two graphs, the other is not evaluated
    wrap(x, y; callback)       a Python function of arrays
    printed(x; note)           x, and a `wrap` beside that prints it

They have as many operands as they need, so rewriting does not look into them: the e-graph gets their
results as inputs and their operands as outputs (`eqsat_tensor.opaque`).  Graphs are canonical: what a
function closes over is an operand more, size symbols are s0, s1, ... and the attribute ``sizes`` says
what these are for a node.  So two uses of a function on arrays that differ in sizes are one graph.
"""

from eqsat_tensor.calls.graphs import SubGraph, graph_again
from eqsat_tensor.calls.ops import Callback, inlined
from eqsat_tensor.calls.prints import print_
from eqsat_tensor.calls.public import cond, subgraph, wrap

__all__ = ["Callback", "SubGraph", "cond", "graph_again", "inlined", "print_", "subgraph", "wrap"]
