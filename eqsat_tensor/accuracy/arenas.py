"""A sample with what each candidate for a root makes of it: what a choice is made by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eqsat_tensor.accuracy import branches
from eqsat_tensor.accuracy.losses import ALLOWED, levels
from eqsat_tensor.accuracy.points import Sample, error_bits
from eqsat_tensor.accuracy.terms import Term, Values


class Arena:
    """A sample with the errors of each candidate.

    counted  the points that it began with: means are over these.
    weight   what errors at a point count in a choice: 1 at those, at points that joined later what is said.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        keys: Sequence[Term],
        sample: Sample,
        random: np.random.Generator,
    ) -> None:
        self.terms, self.key_terms, self.random = terms, keys, random
        self.sample, self.counted = sample, np.ones(len(sample), bool)
        self.weight = np.ones(len(sample))
        self.bits, self.lost, self.keys = self._measured(sample, ALLOWED)

    def _measured(
        self, sample: Sample, allowed: float
    ) -> tuple[np.ndarray, np.ndarray, dict[Term, np.ndarray]]:
        values = Values(sample.columns)
        truth = sample.truths[0]
        bits = np.array([error_bits(values(t), truth, True) for t in self.terms])
        level = levels(self.terms[-1], sample.columns, truth, bits, self.random)
        most = np.finfo(values.dtype).max  # a NaN goes high, as a comparison has it
        keys = {k: np.nan_to_num(values(k), nan=most) for k in self.key_terms}
        return bits, bits > level + allowed, keys

    def join(
        self,
        sample: Sample,
        forced: np.ndarray | None = None,
        weight: float = 0.0,
        allowed: float = 0.0,
    ) -> None:
        """Further points, at which ``allowed`` bits may be lost, and errors count ``weight``.

        Where nothing may be lost, points like these, which are not here, lose a bit at most.
        ``forced`` says where candidates are not to be taken, whatever they lose.
        """
        bits, lost, keys = self._measured(sample, allowed)
        if forced is not None:
            lost |= forced
        self.sample = self.sample.joined(sample)
        self.counted = np.concatenate([self.counted, np.zeros(len(sample), bool)])
        self.weight = np.concatenate([self.weight, np.full(len(sample), weight)])
        self.bits = np.concatenate([self.bits, bits], axis=1)
        self.lost = np.concatenate([self.lost, lost], axis=1)
        self.keys = {k: np.concatenate([v, keys[k]]) for k, v in self.keys.items()}

    def errors(self, weight: float, barred: np.ndarray) -> branches.Errors:
        """What a tree is chosen by, ordinary points weighing ``weight``, without the candidates barred."""
        weights = np.where(self.sample.ordinary, weight, 1.0) * self.weight
        return branches.Errors(self.bits, weights, self.keys, self.lost | barred[:, None])
