"""Where the nodes of a picture stand: in layers, operands above their users, few edges crossed.

(nodes, operands of each, width of each)  ->  (x, y) of each node's centre, size of the whole
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

SWEEPS = 4
GAP, STEP = 24.0, 78.0  # between nodes of a layer; from layer to layer


def placed(
    operands: Sequence[Sequence[int]], widths: Sequence[float]
) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Centres of nodes that stand after their operands, and width and height of all.

    A node stands one layer below the lowest of its operands; an operand of no others stands right
    above its first user.  Within a layer nodes are ordered by where their neighbours stand.
    """
    layer = [0] * len(operands)
    users: list[list[int]] = [[] for _ in operands]
    for i, below in enumerate(operands):
        layer[i] = max((layer[o] + 1 for o in below), default=0)
        for o in below:
            users[o].append(i)
    for i, above in enumerate(users):
        if not operands[i] and above:
            layer[i] = min(layer[u] for u in above) - 1
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for i, at in enumerate(layer):
        rows[at].append(i)
    x = [0.0] * len(operands)
    for row in rows:
        _spread(row, x, widths)
    for sweep in range(SWEEPS):
        near = operands if sweep % 2 == 0 else users
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {i: fmean(x[j] for j in near[i]) if near[i] else x[i] for i in row}
            row.sort(key=lambda i: (wanted[i], i))
            _spread(row, x, widths, wanted)
    left = min((x[i] - widths[i] / 2 for i in range(len(x))), default=0.0) - GAP
    right = max((x[i] + widths[i] / 2 for i in range(len(x))), default=0.0) + GAP
    centres = [(round(x[i] - left, 1), (layer[i] + 0.5) * STEP) for i in range(len(x))]
    return centres, (round(right - left, 1), len(rows) * STEP)


def _spread(
    row: Sequence[int],
    x: list[float],
    widths: Sequence[float],
    wanted: dict[int, float] | None = None,
) -> None:
    """Set the nodes of a row side by side in their order, near where they are wanted."""
    end = float("-inf") if wanted else 0.0
    for i in row:
        least = end + GAP + widths[i] / 2
        x[i] = max(least, wanted[i]) if wanted else least
        end = x[i] + widths[i] / 2
    if wanted and row:
        shift = fmean(wanted[i] - x[i] for i in row)
        for i in row:
            x[i] += shift
