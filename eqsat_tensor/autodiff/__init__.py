"""Derivatives of graphs and of functions: `Expr` -> `Expr` below, nests of tensors and arrays above.

reverse, forward     pullback and pushforward on expressions (masks: no NaN from branches not taken)
gradients, products  grad, value_and_grad; jvp, vjp, linearize, linear_transpose, hvp
surgery, custom      stop_gradient, gradient_clip, gradient_scale; custom_vjp, custom_jvp, checkpoint
check                check_grad
matrices             jacobian, jacfwd, jacrev, hessian
"""

from eqsat_tensor.autodiff.check import check_grad
from eqsat_tensor.autodiff.custom import checkpoint, custom_jvp, custom_vjp
from eqsat_tensor.autodiff.forward import pushforward
from eqsat_tensor.autodiff.gradients import grad, value_and_grad
from eqsat_tensor.autodiff.matrices import hessian, jacfwd, jacobian, jacrev
from eqsat_tensor.autodiff.products import hvp, jvp, linear_transpose, linearize, vjp
from eqsat_tensor.autodiff.reverse import gradient, pullback
from eqsat_tensor.autodiff.surgery import gradient_clip, gradient_scale, stop_gradient

__all__ = [
    "check_grad",
    "checkpoint",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "gradient",
    "gradient_clip",
    "gradient_scale",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "pullback",
    "pushforward",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
