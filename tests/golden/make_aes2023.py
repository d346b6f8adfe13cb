"""Numbers from one rendering of the AES 2023 stimuli, to compare others with.

Usage: python tests/golden/make_aes2023.py FOLDER_WITH_FLAC_FILES
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

EXCERPT = slice(60000, 60256)  # samples
NOISY = ("pink_noise", "medrev", "strongrev")  # other realisations sound alike, but differ


def main(folder: Path) -> None:
    """Write levels, interaural correlations and excerpts beside this script."""
    names, levels, correlations, excerpts = [], [], [], {}
    for path in sorted(folder.glob("*.flac")):
        ears = soundfile.read(path)[0].T
        names.append(path.stem)
        levels.append(10 * np.log10(np.mean(ears**2, axis=1)))
        correlations.append(np.corrcoef(ears)[0, 1])
        if not any(word in path.stem for word in NOISY):
            excerpts[path.stem] = ears[:, EXCERPT].astype(np.float32)
    np.savez_compressed(
        Path(__file__).with_name("aes2023.npz"),
        names=np.array(names),
        levels=np.array(levels),
        correlations=np.array(correlations),
        excerpt_names=np.array(list(excerpts)),
        excerpts=np.array(list(excerpts.values())),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
