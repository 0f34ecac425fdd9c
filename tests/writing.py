"""What assignment to a traced argument comes down to."""

import eqsat_tensor as et
from eqsat_tensor.tensor import Tensor


def write(tensor: Tensor, value: Tensor) -> None:
    """From now on the tensor has this value, broadcast to its shape."""
    new = et.broadcast_to(value, tensor.shape).expr
    if hasattr(tensor, "assign"):
        tensor.assign(new)
    else:
        tensor.expr = new
