"""The one table of tolerances of the numeric tests."""

CLOSED_FORM = 1e-12
"""float64 against a formula."""
GOLDEN = 1e-6
"""float64 against golden arrays (which are single precision: see GOLDEN_ILD)."""
GOLDEN_ILD = 2e-5
"""ILD (up to 60 dB, stored in single precision) against golden arrays, dB."""
SINGLE = 1e-4
"""float32 against float64, and CPU against CUDA."""
SCORE = 1e-3
"""Scores against those of the authors' release."""
EXACT_SCORE = 1e-5
"""Scores of the same computation in another order or precision."""
FAST_POWER = 1e-4
"""Power and directiveness of the fast front end against PyTorch in float64, relative."""
FAST_ILD = 0.01
"""Its ILD where audible, dB."""
FAST_COHERENCE = 1e-3
"""Its coherence, outside the first frame (where the seam of the circular transform lies)."""
FAST_SCORE = 1e-4
"""Its scores."""
