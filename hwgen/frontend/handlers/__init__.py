"""One handler per kind of node: file tensors in, file tensors out, integer nodes on the way."""
