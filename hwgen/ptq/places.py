"""Where activations must be quantized, so that every weight layer and sum meets integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import fx, nn

from hwgen.ptq.trace import kind, streams

Role = Literal["input", "activation", "summand"]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A traced network with a place for every activation quantizer.

    traced : the float network; its quantizers are ``nn.Identity`` as yet
    places : module name of each quantizer, with what it quantizes: the network's input, an
        activation, or a stream that goes into a sum alone
    """

    traced: fx.GraphModule
    places: Mapping[str, Role]


def prepare(traced: fx.GraphModule) -> Prepared:
    """Insert quantizers: after each run of elementwise calls that a weight layer or a sum reads.

    Pools and reshapes come behind the quantizer. All readers of a value read it quantized.
    """
    coded: dict[fx.Node, bool] = {}
    wanted: dict[fx.Node, None] = {}
    raw: dict[fx.Node, bool] = {}
    for node in traced.graph.nodes:
        if node.op == "output":
            continue
        sort, given = kind(traced, node), streams(node)
        raw[node] = all(raw[one] for one in given) and sort != "weight"
        if sort in ("weight", "keep", "add", "concat"):
            wanted.update((one, None) for one in given if not coded[one])
            coded.update((one, True) for one in given)
        coded[node] = sort == "keep" or (sort == "pass" and coded[given[0]])
    places: dict[str, Role] = {}
    for source in wanted:
        readers = [user for user in source.users if user.op != "output"]
        summand = all(_sums(traced, user) for user in readers)
        role = "input" if raw[source] else "summand" if summand else "activation"
        places[_insert(traced, source, len(places))] = role
    traced.recompile()
    return Prepared(traced, places)


def _sums(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether ``node`` only adds, through calls that change nothing."""
    if kind(traced, node) == "pass":
        return bool(node.users) and all(_sums(traced, user) for user in node.users)
    return node.op != "output" and kind(traced, node) == "add"


def _insert(traced: fx.GraphModule, source: fx.Node, number: int) -> str:
    name = f"quant{number}"
    if source.op == "call_module":
        parent, _, child = str(source.target).rpartition(".")
        name = f"{parent}.{child}_quant" if parent else f"{child}_quant"
    traced.add_submodule(name, nn.Identity())
    with traced.graph.inserting_after(source):
        quant = traced.graph.call_module(name, (source,))
    source.replace_all_uses_with(quant, delete_user_cb=lambda user: user is not quant)
    return name
