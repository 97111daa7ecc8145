"""Names of layers in the graph, in reports and in messages."""

from __future__ import annotations

from hwgen.frontend.model import FileNode

PLUMBING = frozenset(
    {"export_handler", "activation_impl", "act_quant", "input_quant", "output_quant"}
)


def layer_name(node: FileNode) -> str:
    """Return a short name: the path of the node without the exporter's own levels."""
    if node.name.startswith("node_") and node.module:  # numbered by the exporter, placed by module
        return ".".join(part for part in node.module.split(".") if part not in PLUMBING)
    if not node.name.startswith("/"):
        return node.name
    parts = node.name.strip("/").split("/")
    kept = [part for part in parts if part.split("_")[0] != "export" and part not in PLUMBING]
    return ".".join(_without_repeats(kept))


def _without_repeats(parts: list[str]) -> list[str]:
    """Drop a level that the next one repeats (``layer1/layer1.0/conv1`` has ``layer1`` twice)."""
    return [
        part
        for at, part in enumerate(parts)
        if at + 1 == len(parts) or not parts[at + 1].startswith(f"{part}.")
    ]
