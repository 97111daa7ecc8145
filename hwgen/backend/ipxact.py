"""``component.xml``: a core with AXI4-Stream ports as an IP of Vivado's catalogue.

Source: IEEE 1685-2009 (IP-XACT), with the interface names of UG1118.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_STREAM = {"TDATA": "tdata", "TVALID": "tvalid", "TREADY": "tready"}


def component(name: str, bits: tuple[int, int], files: Sequence[str]) -> str:
    """Return the description of module ``name``.

    bits : of a transfer in and out; ``tdata`` has whole bytes
    files : Verilog files, relative to the description
    """
    ElementTree.register_namespace("spirit", SPIRIT)
    root = Element(_tag("component"))
    for tag, value in (
        ("vendor", "hwgen"),
        ("library", "networks"),
        ("name", name),
        ("version", "1.0"),
    ):
        _text(root, tag, value)
    _interfaces(SubElement(root, _tag("busInterfaces")))
    model = SubElement(root, _tag("model"))
    view = SubElement(SubElement(model, _tag("views")), _tag("view"))
    _text(view, "name", "xilinx_anylanguagesynthesis")
    _text(view, "envIdentifier", ":vivado.xilinx.com:synthesis")
    _text(view, "language", "Verilog")
    _text(view, "modelName", name)
    _text(SubElement(view, _tag("fileSetRef")), "localName", "sources")
    ports = SubElement(model, _tag("ports"))
    for port, (direction, width) in port_list(bits).items():
        _port(ports, port, direction, width)
    file_set = SubElement(SubElement(root, _tag("fileSets")), _tag("fileSet"))
    _text(file_set, "name", "sources")
    for path in files:
        entry = SubElement(file_set, _tag("file"))
        _text(entry, "name", path)
        _text(entry, "fileType", "verilogSource")
    _text(root, "description", "A quantized neural network as streaming hardware")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def port_list(bits: tuple[int, int]) -> dict[str, tuple[str, int | None]]:
    """Return direction and width of each port; None for a single wire."""
    wide = [-(-count // 8) * 8 for count in bits]
    return {
        "aclk": ("in", None),
        "aresetn": ("in", None),
        "s_axis_tdata": ("in", wide[0]),
        "s_axis_tvalid": ("in", None),
        "s_axis_tready": ("out", None),
        "m_axis_tdata": ("out", wide[1]),
        "m_axis_tvalid": ("out", None),
        "m_axis_tready": ("in", None),
        "m_axis_tlast": ("out", None),
    }


def _interfaces(parent: Element) -> None:
    for name, mode in (("s_axis", "slave"), ("m_axis", "master")):
        ports = {logical: f"{name}_{physical}" for logical, physical in _STREAM.items()}
        if mode == "master":
            ports["TLAST"] = f"{name}_tlast"
        _interface(parent, name, mode, "interface", "axis", ports, {})
    clock = {"ASSOCIATED_BUSIF": "s_axis:m_axis", "ASSOCIATED_RESET": "aresetn"}
    _interface(parent, "aclk", "slave", "signal", "clock", {"CLK": "aclk"}, clock)
    reset = {"POLARITY": "ACTIVE_LOW"}
    _interface(parent, "aresetn", "slave", "signal", "reset", {"RST": "aresetn"}, reset)


def _interface(
    parent: Element,
    name: str,
    mode: str,
    library: str,
    kind: str,
    ports: dict[str, str],
    parameters: dict[str, str],
) -> None:
    bus = SubElement(parent, _tag("busInterface"))
    _text(bus, "name", name)
    for tag, suffix in (("busType", ""), ("abstractionType", "_rtl")):
        reference = {"vendor": "xilinx.com", "library": library, "name": kind + suffix}
        attributes = {_tag(key): value for key, value in {**reference, "version": "1.0"}.items()}
        SubElement(bus, _tag(tag), attributes)
    SubElement(bus, _tag(mode))
    maps = SubElement(bus, _tag("portMaps"))
    for logical, physical in ports.items():
        entry = SubElement(maps, _tag("portMap"))
        _text(SubElement(entry, _tag("logicalPort")), "name", logical)
        _text(SubElement(entry, _tag("physicalPort")), "name", physical)
    if parameters:
        holder = SubElement(bus, _tag("parameters"))
        for key, value in parameters.items():
            entry = SubElement(holder, _tag("parameter"))
            _text(entry, "name", key)
            _text(entry, "value", value)


def _port(parent: Element, name: str, direction: str, width: int | None) -> None:
    port = SubElement(parent, _tag("port"))
    _text(port, "name", name)
    wire = SubElement(port, _tag("wire"))
    _text(wire, "direction", direction)
    if width is not None:
        vector = SubElement(wire, _tag("vector"))
        _text(vector, "left", str(width - 1))
        _text(vector, "right", "0")


def _text(parent: Element, tag: str, value: str) -> None:
    SubElement(parent, _tag(tag)).text = value


def _tag(name: str) -> str:
    return f"{{{SPIRIT}}}{name}"
