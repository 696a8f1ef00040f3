"""Shards: what one process of several holds of a model's weights, gradients and moments (FSDP2).

Each holds rows of every weight. A layer's are put together when it computes and dropped after it;
gradients are summed over the processes, and what a process keeps of the sum are its rows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from simctl.trainer.losses.recomputing import layers


def shard(model: nn.Module, device: str, size: int) -> nn.Module:
    """Keep a part of each weight alone, of as many as there are processes; all must call this."""
    mesh = init_device_mesh(device, (size,))
    for module in (*layers(model), model):
        # the outermost module, too, is put together for a forward and no longer: whoever looks at
        # its weights between two forwards must find shards
        fully_shard(module, mesh=mesh, reshard_after_forward=True)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            # losses are parts of the whole step's, so gradients add up; gloo can only add
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(enable=True)
    return model


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor; where it is sharded all processes must ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, given: Tensor) -> Tensor:
    """Return `given`, which every process has, in shards if `tensor` is."""
    if not isinstance(tensor, DTensor) or isinstance(given, DTensor):
        return given
    # each takes its rows of what it has: nothing is sent
    return distribute_tensor(
        given.to(tensor.device), tensor.device_mesh, tensor.placements, src_data_rank=None
    )


def weights(model: nn.Module, *, cpu: bool = True) -> dict[str, Tensor]:
    """Return the whole weights of a model by their names, on the CPU or where they are.

    All processes must ask; a GPU that holds a shard may have no room for all. A
    weight under several names is one tensor under all of them, so that a file has it once.
    """
    own, named = model.state_dict(), dict(model.named_parameters(remove_duplicate=False))
    found: dict[int, Tensor] = {}
    for name, kept in own.items():
        which = id(named.get(name, kept))
        if which not in found:
            found[which] = whole(kept).cpu() if cpu else whole(kept)
    return {name: found[id(named.get(name, kept))] for name, kept in own.items()}


def fill(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a model whole weights, of which it may have shards."""
    own = model.state_dict()
    model.load_state_dict({name: like(own[name], given) for name, given in state.items()})


def moments(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimiser's state, whole and on the CPU."""
    state = optimizer.state_dict()
    kept = {
        at: {name: _kept(value) for name, value in each.items()}
        for at, each in state["state"].items()
    }
    return {**state, "state": kept}


def fill_moments(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Give an optimiser a whole state, of which it may keep shards."""
    owned = dict(enumerate(_parameters(optimizer)))
    laid = {
        at: {
            name: like(owned[at], value) if _is_moment(value, owned[at]) else value
            for name, value in each.items()
        }
        for at, each in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": laid})


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for group in optimizer.param_groups:
        yield from group["params"]


def _is_moment(value: Any, weight: Tensor) -> bool:
    return isinstance(value, Tensor) and value.shape == weight.shape


def _kept(value: Any) -> Any:
    return whole(value).cpu() if isinstance(value, Tensor) else value
