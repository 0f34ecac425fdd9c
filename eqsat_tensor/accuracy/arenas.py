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

    Of points that joined later it only counts whether a candidate loses too much there.
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
        self.bits, self.lost, self.keys = self._measured(sample, ALLOWED)

    def _measured(
        self, sample: Sample, allowed: float
    ) -> tuple[np.ndarray, np.ndarray, dict[Term, np.ndarray]]:
        values = Values(sample.columns)
        truth = sample.truths[0]
        bits = np.array([error_bits(values(t), truth, True) for t in self.terms])
        level = levels(self.terms[-1], sample.columns, truth, bits, self.random)
        keys = {k: np.nan_to_num(values(k)) for k in self.key_terms}
        return bits, bits > level + allowed, keys

    def join(self, sample: Sample, forced: np.ndarray | None = None) -> None:
        """Further points, at which nothing may be lost: points like them, which are not here, lose a bit then.

        ``forced`` says where candidates are not to be taken, whatever they lose.
        """
        bits, lost, keys = self._measured(sample, 0.0)
        if forced is not None:
            lost |= forced
        self.sample = self.sample.joined(sample)
        self.counted = np.concatenate([self.counted, np.zeros(len(sample), bool)])
        self.bits = np.concatenate([self.bits, bits], axis=1)
        self.lost = np.concatenate([self.lost, lost], axis=1)
        self.keys = {k: np.concatenate([v, keys[k]]) for k, v in self.keys.items()}

    def errors(self, weight: float, barred: np.ndarray) -> branches.Errors:
        """What a tree is chosen by, ordinary points weighing ``weight``, without the candidates barred."""
        weights = np.where(self.sample.ordinary, weight, 1.0) * self.counted
        return branches.Errors(self.bits, weights, self.keys, self.lost | barred[:, None])
