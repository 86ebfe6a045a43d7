"""The type of a column: one value a host; and what may be a column or one number for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def ratio_at(ratio: Array | float, at: Any) -> Any:
    """One host's, or several hosts', of a ratio that may be the same for all."""
    return ratio[at] if isinstance(ratio, np.ndarray) else ratio
