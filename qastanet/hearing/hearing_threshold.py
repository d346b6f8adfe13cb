"""The threshold of hearing and the level calibration of the model.

A power of 1.0 (full scale) stands for 100 dB SPL, so 0 dB SPL is a power of 1e-10. Below the free-
field threshold of ISO 389-7 a band is inaudible: its power is floored at the threshold, and its
binaural features carry no information.
"""

import numpy as np

FULL_SCALE_LEVEL = 100.0
"""Sound pressure level in dB SPL of a power of 1.0."""

THRESHOLD_LEVEL = np.array(
    [
        *(7.372181, 5.742303, 4.4, 3.505377, 2.771936, 2.285195, 2.29354, 2.494457, 3.121496),
        *(3.179996, 2.401871, 0.975665, -0.670268, -2.230942, -3.810492, -4.955906, -5.898902),
        *(-5.787775, -5.491737, -4.084814, -2.055106, 1.037051, 4.77181, 7.951702, 11.063226),
        *(13.246057, 13.9, 13.450409, 12.658799),
    ]
)
"""Free-field hearing threshold (ISO 389-7) in dB SPL at the 29 band centres, in order."""


def threshold_power() -> np.ndarray:
    """Return the hearing threshold of each band as a power re full scale, float64, shape (29,).

    Example:
        >>> f"{threshold_power()[2]:.3e}"  # 4.4 dB SPL at 500 Hz
        '2.754e-10'
    """
    return 10 ** ((THRESHOLD_LEVEL - FULL_SCALE_LEVEL) / 10)
