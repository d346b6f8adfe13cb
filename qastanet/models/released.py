"""The authors' released weights, and everything they need to behave as in the authors' release.

The release (Orange-OpenSource/QASTAnet, MIT) differs from what its paper and its options promise.
The model named "released" keeps what determines its scores:

* The pooling called SWAP weights the frames by a softmax that sums to one, and multiplies it with
  the *sum* of the frames: it is a plain sum over time. A score depends on the duration; a signal
  against itself has 0.85 at 6 s and 0.91 at 10 s.
* The ILD of a pair in which one ear is digital silence is infinite, and becomes the largest float.
* A binaural pair cannot be scored: the weights need directiveness. (An error here, a crash there.)
* Nothing compensates a delay between the signals.

It does not keep what only hinders: odd numbers of samples, gradients and other sampling rates work.
"""

from pathlib import Path

import torch

from qastanet.errors import InputError
from qastanet.models.model import QASTAnet
from qastanet.models.network import DifferenceNetwork
from qastanet.sound.binaural import BinauralDecoder

_NAMES = {
    "freq_weighting": "band_weight",
    "conv1": "pointwise.0",
    "conv2": "pointwise.1",
    "conv3": "pointwise.2",
    "conv_avg_freq": "over_bands",
    "fc1": "hidden",
    "fc2": "output",
}
_DECODER = "ambi2bin_procs.{}.hoa2bin_t"


def load_checkpoint(path: str | Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint {"state_dict": ...} without running any code in it.

    Args:
        path: file written by `torch.save`

    Raises:
        InputError: if it is not such a file or holds anything but tensors
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        state = dict(content["state_dict"])
    except Exception as error:  # a damaged or hostile file can make the reader fail in any way
        raise InputError(
            f"{path}: refused as a checkpoint of tensors ({type(error).__name__}). Fetch it again "
            "with `qastanet fetch`."
        ) from error
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{path}: refused, the checkpoint holds more than tensors")
    return state


def network_state(state: dict[str, torch.Tensor], path: str | Path) -> dict[str, torch.Tensor]:
    """Rename and reshape the tensors of the release for `DifferenceNetwork` (without pooling).

    Args:
        state: tensors by their names in the release
        path: where they come from, for messages

    Raises:
        InputError: if a tensor is missing
    """
    renamed = {}
    for name, tensor in state.items():
        stem, _, kind = name.partition(".")
        if stem not in _NAMES:
            continue
        target = _NAMES[stem] + (f".{kind}" if kind else "")
        if stem == "conv_avg_freq" and kind == "weight":
            renamed[target] = tensor.reshape(1, -1)
        else:
            renamed[target] = tensor.squeeze() if tensor.ndim > 2 else tensor
    expected = set(DifferenceNetwork(pooling="sum").state_dict())
    if set(renamed) != expected:
        missing = ", ".join(sorted(expected ^ set(renamed)))
        raise InputError(f"{path}: not the released QASTAnet weights (missing or extra: {missing})")
    return renamed


def load_released(path: str | Path) -> QASTAnet:
    """Build the model "released" from the authors' checkpoint.

    Args:
        path: file `model_weights.pth.tar` of the release

    Raises:
        InputError: if the file is not that checkpoint
    """
    state = load_checkpoint(path)
    network = DifferenceNetwork(n_features=4, pooling="sum")
    try:
        network.load_state_dict(network_state(state, path))
    except RuntimeError as error:
        raise InputError(f"{path}: not the released QASTAnet weights ({error})") from error
    heads = [name for name in map(_DECODER.format, range(len(state))) if name in state]
    if not heads:
        raise InputError(f"{path}: the checkpoint has no ambisonics-to-binaural decoder")
    decoders = [BinauralDecoder(state[name]) for name in heads]
    return QASTAnet(network, decoders, floor_ears=False, name="released").eval()
