"""How loops are compiled, and what they share."""

import math

import numpy as np
from numba import njit


def kept(**options):
    """Compile with numba, and keep the result where that can be done.

    Where nothing can be written, neither to the package nor to a cache folder of the user, each
    process compiles anew.

    Args:
        options: of `numba.njit`
    """

    def compile_it(function):
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # no place for a cache
            return njit(**options)(function)

    return compile_it


compiled = kept(nogil=True, fastmath={"contract"}, error_model="numpy")
inlined = njit(inline="always", fastmath={"contract"})


def aligned(*shape: int) -> np.ndarray:
    """Return a float32 array that begins where a line of the cache does; its values are any.

    Example:
        >>> aligned(2, 3).ctypes.data % 64
        0
    """
    size = 4 * math.prod(shape)
    memory = np.empty(size + 64, dtype=np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + size].view(np.float32).reshape(shape)


@inlined
def eight(x, t, by):
    """Return eight values of x from t on, `by` apart."""
    low = x[t], x[t + by], x[t + 2 * by], x[t + 3 * by]
    high = x[t + 4 * by], x[t + 5 * by], x[t + 6 * by], x[t + 7 * by]
    return low + high


@inlined
def put_eight(x, t, by, values):
    """Write eight values into x from t on, `by` apart."""
    x[t], x[t + by], x[t + 2 * by], x[t + 3 * by] = values[0], values[1], values[2], values[3]
    x[t + 4 * by], x[t + 5 * by] = values[4], values[5]
    x[t + 6 * by], x[t + 7 * by] = values[6], values[7]
