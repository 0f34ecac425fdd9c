"""`et.function`: a graph of tensors -> a callable on arrays.

step = et.function([x, y], loss, updates={w: w - 0.1 * et.grad(loss, w)})
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eqsat_tensor.bound import Bound
from eqsat_tensor.inout import In
from eqsat_tensor.observed import Observed
from eqsat_tensor.options import make_options
from eqsat_tensor.serving import Family, Serving
from eqsat_tensor.shared import Shared
from eqsat_tensor.source import Source, make_source
from eqsat_tensor.tensor import Tensor
from eqsat_tensor.variant import Counters, Variant


class Function(Observed):
    """A compiled function.  Calls are native; what the entry does not take goes through `Serving`.

    A call takes arrays by position or by name, and ``out=``: arrays (in the nest of the results)
    that take the results, of their exact dtype and shape, C-contiguous; they may overlap arguments.
    ``f["x"]`` reads and ``f["x"] = value`` sets the state behind an input that has an update.
    """

    source: Source
    serving: Serving

    @property
    def family(self) -> Family:
        """The program of calls that give no more than they must."""
        return self.serving.family(self.serving.needed)

    @property
    def variant(self) -> Variant:
        """The program of such calls, for sizes of at least 1."""
        return self.family.usual

    @property
    def inputs(self) -> tuple[In, ...]:
        """The inputs, in order."""
        return self.source.inputs

    @property
    def outputs(self) -> Any:
        """The outputs as tensors, in their nest."""
        return self.source.result()

    @property
    def shared(self) -> tuple[Shared, ...]:
        """The states that calls read or update, those of inputs left out."""
        return self.source.states

    def get_shared(self) -> list[Shared]:
        """`shared` as a list."""
        return list(self.source.states)

    def asked(self, method: str) -> Variant:
        """The program of usual calls."""
        return self.variant

    @property
    def counters(self) -> Counters:
        """How often this function was rewritten, compiled and bound."""
        return self.serving.counters

    def copy(
        self,
        swap: Mapping[Shared, Shared] | None = None,
        name: str | None = None,
        updates: bool = True,
    ) -> Function:
        """The same function, compiled apart.

        swap: state -> the state to use instead, of the same type.  States of inputs are copied with
        their values.  updates=False: calls of the copy change no state; an input that had an update
        then keeps its value.
        Raises ArgumentError for a swap of what the function does not use, DtypeError for a type.
        """
        return function_of(self.source.copy(swap or {}, name, updates))

    def bind(self, *args: Any, **kwargs: Any) -> Bound:
        """A `Bound`: this function on these very arrays, with results made once; see there.

        Takes what a call takes; arrays must have the exact dtype and lie in C order.  ``out=``:
        results to use, apart from the arguments.
        Raises ArgumentError, DtypeError or ShapeError here, where a call would.
        """
        return self.serving.bind(args, kwargs)

    def unserved(self) -> None:
        """Let the next call of each kind come the long way in."""
        self.clear()
        self.serving.forget()

    def free(self) -> None:
        """Give up compiled code and all memory beside states; the next call compiles again."""
        self.clear()
        self.serving.free()

    def save(self, path: str | Path) -> None:
        """Write the function to a file that `et.load` reads; see `eqsat_tensor.saved`."""
        from eqsat_tensor.saved import save

        save(self, path)

    def __getitem__(self, key: str | Tensor) -> Any:
        return self.serving.state(key).get_value()

    def __setitem__(self, key: str | Tensor, value: Any) -> None:
        self.serving.state(key).set_value(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Function:
        """A copy whose states are copies, once for all that is copied together."""
        source = self.source
        if not source.states and not source.held:
            return self
        swap = {s: copy.deepcopy(s, memo) for s in source.states}
        made = function_of(source.copy(swap, None, True))
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        from eqsat_tensor.saved import restored, to_bytes

        return restored, (to_bytes(self, states=False), self.source.states)


def function(
    inputs: Sequence[Tensor | In],
    outputs: Any = None,
    updates: Mapping[Shared, Any] | Sequence[tuple[Shared, Any]] | None = None,
    givens: Mapping[Tensor, Any] | Sequence[tuple[Tensor, Any]] | None = None,
    name: str = "function",
    on_unused_input: str = "raise",
    donate: str | int | Sequence[str | int] = (),
    no_default_updates: bool | Sequence[Shared] = False,
    **options: Any,
) -> Function:
    """A callable from arrays for ``inputs`` to arrays for ``outputs``.

    inputs   tensors made by `et.tensor`, each once, or `In`s of them: with defaults, state, casts.
    outputs  a tensor, or a nest (see `trees`) of tensors and `Out`s; None: only updates.
    updates  shared tensor -> its new value, of the same type; all read the old values and are
             committed together, after the last step that can fail.
    givens   tensor -> what stands for it.
    on_unused_input  "raise", "warn" or "ignore": an input that nothing uses.
    donate   names or numbers of inputs whose arrays a call may overwrite, as `In(mutable=True)`.
    no_default_updates  True, or the states whose ``default_update`` is not to be made; by default
             every state that is used, has one, and is not among ``updates``, is updated by it.
    options  see `Options`.
    Raises ArgumentError, DtypeError or ShapeError, in the user's line.
    """
    chosen = make_options(options)
    source = make_source(
        name,
        inputs,
        outputs,
        updates,
        givens,
        on_unused_input,
        donate,
        no_default_updates,
        chosen,
    )
    return function_of(source)


def function_of(source: Source) -> Function:
    """The function of a source; its program is made now, so that errors come now."""
    serving = Serving(source)
    made = Function(serving.call, source.name)
    made.source, made.serving = source, serving
    serving.owner = made
    serving.family(serving.needed)
    return made
