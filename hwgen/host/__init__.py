"""What the host does for the hardware: reading frames and labels, shaping them."""

from hwgen.host.dataset import Frames, Labelled, arrange, read_frames, read_labelled

__all__ = ["Frames", "Labelled", "arrange", "read_frames", "read_labelled"]
