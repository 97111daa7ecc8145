"""What the host does for the hardware: reading frames and labels, shaping them."""

from hwgen.host.dataset import Labelled, arrange, read_frames, read_labelled

__all__ = ["Labelled", "arrange", "read_frames", "read_labelled"]
