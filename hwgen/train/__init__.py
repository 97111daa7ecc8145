"""Train low-bit networks and export them so that the file computes what was trained.

Needs the extra ``train``. Brevitas and Lightning warn about optional packages when they are
imported; that is nothing to a user, so it is dropped here.
"""

import warnings

from hwgen.errors import ToolError

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import brevitas.export  # noqa: F401
        import lightning  # noqa: F401
except ModuleNotFoundError as error:
    raise ToolError(
        f"training needs {error.name}, which is not installed; pip install 'hwgen[train]'"
    ) from None

from hwgen.train.callback import SQCallback
from hwgen.train.export import InputConvention, finalize_export
from hwgen.train.loop import Result, run
from hwgen.train.recipe import Recipe, read_recipe
from hwgen.train.weights import weight_quant

__all__ = [
    "InputConvention",
    "Recipe",
    "Result",
    "SQCallback",
    "finalize_export",
    "read_recipe",
    "run",
    "weight_quant",
]
