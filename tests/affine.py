"""A function with two results, of two arrays."""

import eqsat_tensor as et


def affine(mode="run", **options):
    x, y = et.tensor("x", ("n", 3)), et.tensor("y", (3,))
    return et.function([x, y], (2 * x + y, x.sum()), name="affine", mode=mode, **options)
