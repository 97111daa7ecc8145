"""How each operation becomes units; one file per family, like ``hwgen.ir.ops``."""
