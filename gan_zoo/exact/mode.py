"""The mode: every operation of torch goes through a table, below autograd, so that derivatives of any order do too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import TorchDispatchMode

from gan_zoo.errors import UserError
from gan_zoo.exact import elementwise, optimisers, sums
from gan_zoo.exact.draws import DRAWS
from gan_zoo.exact.grid import Operands
from gan_zoo.exact.products import Products

aten = torch.ops.aten

AS_THEY_ARE = """
    abs neg sgn sign relu clamp clamp_min clamp_max maximum minimum max min amax amin aminmax sort
    round floor ceil trunc round_ floor_ ceil_ threshold_backward leaky_relu_backward hardtanh isnan isinf isfinite
    eq ne lt le gt ge equal logical_and logical_or logical_not bitwise_and bitwise_or bitwise_not any all
    where masked_fill nan_to_num mul reciprocal
    relu_ leaky_relu leaky_relu_ neg_ abs_ mul_ clamp_ clamp_min_ clamp_max_ masked_fill_ fill_ zero_ copy_ set_
    view _unsafe_view reshape expand t transpose permute unsqueeze squeeze squeeze_ unsqueeze_ transpose_ t_
    select slice split split_with_sizes unbind detach alias as_strided
    flip roll cat stack clone _to_copy lift_fresh unfold repeat diagonal
    constant_pad_nd slice_backward select_backward index index_select gather max_pool2d_with_indices
    empty new_empty empty_like zeros new_zeros zeros_like ones new_ones ones_like full new_full full_like empty_strided
    scalar_tensor arange _local_scalar_dense is_same_size
    randint randperm rand random_ _record_function_enter_new _record_function_exit
"""
"""Operations of one IEEE operation an element or none, of comparisons, of whole numbers, of copies and of names."""

DECOMPOSED = (
    aten.native_batch_norm,
    aten.native_batch_norm_backward,
    aten.native_group_norm,
    aten.native_group_norm_backward,
    aten.native_layer_norm,
    aten.native_layer_norm_backward,
    aten._softmax,
    aten._log_softmax,
    aten.logsumexp,
)
"""Taken apart by torch's own decompositions into operations of the table."""

REPLACED: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: elementwise.add,
    aten.add_.Tensor: elementwise.add_,
    aten.add.Scalar: elementwise.add,
    aten.add_.Scalar: elementwise.add_,
    aten.sub.Tensor: elementwise.sub,
    aten.sub_.Tensor: elementwise.sub_,
    aten.sub.Scalar: elementwise.sub,
    aten.rsub.Scalar: elementwise.rsub,
    aten.rsub.Tensor: elementwise.rsub,
    aten.div.Tensor: elementwise.div,
    aten.div.Scalar: elementwise.div,
    aten.div_.Tensor: elementwise.div_,
    aten.div_.Scalar: elementwise.div_,
    aten.addcmul.default: elementwise.addcmul,
    aten.addcmul_.default: elementwise.addcmul_,
    aten.addcdiv.default: elementwise.addcdiv,
    aten.addcdiv_.default: elementwise.addcdiv_,
    aten.lerp.Tensor: elementwise.lerp,
    aten.lerp_.Tensor: elementwise.lerp_,
    aten.lerp.Scalar: elementwise.lerp,
    aten.lerp_.Scalar: elementwise.lerp_,
    aten.sqrt.default: elementwise.sqrt,
    aten.rsqrt.default: elementwise.rsqrt,
    aten.exp.default: elementwise.exp,
    aten.log.default: elementwise.log,
    aten.sigmoid.default: elementwise.sigmoid,
    aten.sigmoid_backward.default: elementwise.sigmoid_backward,
    aten.tanh.default: elementwise.tanh,
    aten.tanh_backward.default: elementwise.tanh_backward,
    aten.softplus.default: elementwise.softplus,
    aten.softplus_backward.default: elementwise.softplus_backward,
    aten.sin.default: elementwise.sine,
    aten.cos.default: elementwise.cosine,
    aten.pow.Tensor_Scalar: elementwise.power,
    aten.sum.default: sums.aten_sum,
    aten.sum.dim_IntList: sums.aten_sum,
    aten.mean.default: sums.mean,
    aten.mean.dim: sums.mean,
    aten.var_mean.correction: sums.var_mean,
    aten.var.correction: sums.variance,
    aten.std.correction: sums.std,
    aten.linalg_vector_norm.default: sums.vector_norm,
    aten._fused_adam_.default: optimisers.adam_,
    aten._foreach_add_.Scalar: optimisers.count_,
}


class Exact(TorchDispatchMode):
    """Within it, every result on float32 tensors is the same to the last bit on any processor.

    Raises: UserError that names an operation of which this is not known.
    """

    def __init__(self) -> None:
        super().__init__()
        self._operands = Operands()
        self._inside = False
        self._decomposed = get_decompositions(DECOMPOSED)
        functions = REPLACED | DRAWS | Products(self._operands).table()
        for name in AS_THEY_ARE.split():
            packet = getattr(aten, name, None) or getattr(torch.ops.profiler, name)
            for overload in packet.overloads():
                functions.setdefault(getattr(packet, overload), getattr(packet, overload))
        self._table = {func: (function, func._schema.is_mutable) for func, function in functions.items()}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Whether torch keeps its compiler off `__torch_dispatch__`: a wrapper of 4 microseconds an operation."""
        return False

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        if not self._inside:
            self._operands.clear()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in self._table:
            return self._take_apart(func, args, kwargs)
        function, writes = self._table[func]
        try:
            result = function(*args, **kwargs)
        except NotImplementedError as reason:
            raise refusal(func, str(reason)) from None
        if writes:
            self._written((*args, *kwargs.values()))
        return result

    def _take_apart(self, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The result of `func` by the operations that it consists of."""
        inside, self._inside = self._inside, True
        try:
            with self:
                decomposed = self._decomposed.get(func, func.decompose)
                result = decomposed(*args, **kwargs)
        finally:
            self._inside = inside
        if result is NotImplemented:
            raise refusal(func, "")
        return result

    def _written(self, args: Sequence[Any]) -> None:
        for x in args:
            for tensor in x if isinstance(x, (list, tuple)) else (x,):
                if isinstance(tensor, Tensor):
                    self._operands.written(tensor)


def refusal(func: Any, reason: str) -> UserError:
    """The error for an operation whose bits depend on the processor."""
    name = f"{func} {reason}".strip()
    return UserError(f"numerics exact: torch's operation {name} has no exact form here; use numerics reference")
