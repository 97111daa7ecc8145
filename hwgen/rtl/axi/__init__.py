"""AXI3 and AXI4-Lite ports of the processor shell."""
