"""The bands at the full rate, for PyTorch: what must be summed of them, and its gradient.

Per block of bands: one inverse transform of real and imaginary parts, the magnitude e, and two
products with small matrices (`qastanet.hearing.differentiable.planned.smoothing`). Nothing else of
the full rate is kept. The gradient is written out: it computes the bands again, or takes them if
there is room for keeping them, and transforms them once more. On the CPU in single precision
compiled loops do the same (`qastanet.hearing.differentiable.compiled_sums`). Both directions are
operators of PyTorch that `torch.compile`, `torch.func` and CUDA graphs know how to treat; there is
no second derivative.
"""

import torch
from torch.nn import functional

from qastanet.hearing.differentiable import blocks, compiled_sums, planned
from qastanet.hearing.differentiable.compiled_sums import Parts
from qastanet.hearing.differentiable.filterbank import band_parts, spectra
from qastanet.hearing.differentiable.planned import ROW, STEPS
from qastanet.hearing.gammatone import FIRST_ENVELOPE, N_BANDS, RINGING
from qastanet.sound.sampling import FRAME

HIGH = N_BANDS - FIRST_ENVELOPE


def _kept_bytes(ears: torch.Tensor) -> int:
    """Return the memory that keeping the bands of ears (batch, 2, samples) takes."""
    samples = planned.chunks(ears.shape[-1]).samples
    return 2 * ears.shape[0] * 2 * N_BANDS * samples * ears.element_size()


def _magnitude_squared(parts: torch.Tensor) -> torch.Tensor:
    """Return |y|^2 of parts (2, ...)."""
    real, imaginary = parts
    return (real * real).addcmul_(imaginary, imaginary)


def _framed(x: torch.Tensor) -> torch.Tensor:
    """Return chunks (..., chunks, hop) as frames (..., frames, 1920)."""
    return x.flatten(-2).unflatten(-1, (-1, FRAME))


def _empty(ears: torch.Tensor, keep: bool) -> Parts:
    """Return tensors like those of `band_sums`, which tell `torch.compile` what to expect."""
    if compiled_sums.takes(ears):
        return compiled_sums.empty(ears, keep)
    return _empty_arrays(ears, keep)


def _empty_arrays(ears: torch.Tensor, keep: bool) -> Parts:
    """Return the tensors that `_sums` fills."""
    batch, _, samples = ears.shape
    cut = planned.chunks(samples)
    rows, values = cut.samples // ROW, ROW // STEPS[ears.dtype]
    kept = (2, batch, 2, N_BANDS, cut.count, cut.hop) if keep else (0,)
    return (
        ears.new_empty(batch, 2, N_BANDS, rows, 2),
        ears.new_empty(batch, 2, HIGH, rows, values),
        ears.new_empty(batch, 4, FIRST_ENVELOPE, samples // FRAME),
        ears.new_empty(kept),
    )


def _sums(
    ears: torch.Tensor, keep: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Do what `band_sums` says; returns the bands too if they are kept."""
    rows, envelopes, products, kept = found = _empty_arrays(ears, keep)
    cut = planned.chunks(ears.shape[-1])
    spectrum = spectra(ears, cut)
    bank = planned.bank(cut.length, ears.dtype, ears.device)
    weights = planned.smoothing(ears.dtype, ears.device).weights
    for signals, bands, chunks, here, frames, inside in blocks.blocks(ears, cut):
        parts = band_parts(spectrum[signals, :, chunks], bank[:, bands], cut)
        if keep:
            kept[:, signals, :, bands, chunks] = parts
        e = _magnitude_squared(parts)
        whole = frames.stop - frames.start
        if bands.stop <= FIRST_ENVELOPE:
            (l_re, r_re), (l_im, r_im) = (part.unbind(1) for part in parts)
            products[signals, :2, bands, frames] = _framed(e).sum(-1)[..., :whole]
            cross = (
                (l_re * r_re).addcmul_(l_im, r_im),
                (l_im * r_re).addcmul_(l_re, r_im, value=-1),
            )
            for k, each in enumerate(cross, start=2):
                products[signals, k, bands, frames] = _framed(each).sum(-1)[..., :whole]
        e = e.sqrt_().flatten(-2)
        e[..., inside.stop - inside.start :] = 0
        framed = e.unflatten(-1, (-1, ROW))
        if bands.start < FIRST_ENVELOPE:
            rows[signals, :, bands, here] = framed @ weights[:, -2:]
        else:
            high = slice(bands.start - FIRST_ENVELOPE, bands.stop - FIRST_ENVELOPE)
            both = framed @ weights
            rows[signals, :, bands, here] = both[..., -2:]
            envelopes[signals, :, high, here] = both[..., :-2]
    return found


def _gradient(
    ears: torch.Tensor,
    kept: torch.Tensor,
    rows: torch.Tensor,
    envelopes: torch.Tensor,
    products: torch.Tensor,
) -> torch.Tensor:
    """Return the gradient of ears from those of what `band_sums` returns, and bands if kept."""
    samples, frames = ears.shape[-1], products.shape[-1]
    cut = planned.chunks(samples)
    bank = planned.bank(cut.length, ears.dtype, ears.device)
    weights = planned.smoothing(ears.dtype, ears.device).weights.T
    spectrum = spectra(ears, cut) if not kept.numel() else None
    batch, bins = ears.shape[0], cut.length // 2 + 1
    total = bank.new_zeros(batch, 2, cut.count, bins)
    tiny = torch.finfo(ears.dtype).tiny ** 0.5
    padding = cut.samples // FRAME - frames
    products = functional.pad(products, (0, padding)).unflatten(-1, (cut.count, -1)).unsqueeze(-1)
    for signals, bands, chunks, here, _, inside in blocks.blocks(ears, cut):
        if spectrum is None:
            parts = kept[:, signals, :, bands, chunks]
        else:
            parts = band_parts(spectrum[signals, :, chunks], bank[:, bands], cut)
        e = _magnitude_squared(parts).sqrt_().clamp_(min=tiny)
        slope = rows[signals, :, bands, here] @ weights[-2:]
        if bands.start >= FIRST_ENVELOPE:
            high = slice(bands.start - FIRST_ENVELOPE, bands.stop - FIRST_ENVELOPE)
            slope += envelopes[signals, :, high, here] @ weights[:-2]
        slope = slope.flatten(-2)
        slope[..., inside.stop - inside.start :] = 0
        slope = slope.unflatten(-1, e.shape[-2:]).div_(e)
        padded = parts.new_zeros(*parts.shape[:-1], cut.length)
        if bands.start < FIRST_ENVELOPE:
            given = products[signals, :, bands, chunks]
            _add_products(padded[..., RINGING:], slope, parts, given)
        torch.addcmul(padded[..., RINGING:], parts, slope, out=padded[..., RINGING:])
        gradient = torch.fft.rfft(padded)
        gradient *= bank[:, None, None, bands].conj()
        total[signals, :, chunks] += gradient.sum((0, 3))
    pieces = torch.fft.irfft(total, cut.length)
    whole = (batch, 2, RINGING + cut.samples)
    summed = torch.ops.aten.unfold_backward(pieces, whole, 2, cut.length, cut.hop)
    return summed[..., RINGING : RINGING + samples].contiguous()


def _add_products(
    gradient: torch.Tensor, slope: torch.Tensor, parts: torch.Tensor, given: torch.Tensor
) -> None:
    """Add to the gradient of low bands what comes from the products of the ears.

    Gradient and parts are (2, batch, 2, bands, chunks, hop), real and imaginary; the slope is that
    of e over e; given are gradients of products, (batch, 4, bands, chunks, frames of a hop, 1).
    """
    squares, re, im = given[:, :2], given[:, 2], given[:, 3]
    gradient, slope, parts = (x.unflatten(-1, (-1, FRAME)) for x in (gradient, slope, parts))
    slope.add_(squares, alpha=2)
    for ear, sign in ((0, -1), (1, 1)):
        own, other = gradient[:, :, ear], parts[:, :, 1 - ear]
        for part in (0, 1):
            own[part].addcmul_(other[part], re)
            own[part].addcmul_(other[1 - part], im, value=sign * (1 - 2 * part))


def _sums_of_many(info, in_dims, ears, keep):
    """Return `_sums` under `torch.func.vmap`."""
    ears = ears.movedim(in_dims[0], 0)
    *found, kept = OPERATORS.band_sums(ears.flatten(0, 1), keep)
    split = [x.unflatten(0, ears.shape[:2]) for x in found]
    kept = kept.unflatten(1, ears.shape[:2]) if keep else kept
    return (*split, kept), (0, 0, 0, 1 if keep else None)


def _gradient_of_many(info, in_dims, *tensors):
    """Return `_gradient` under `torch.func.vmap`."""
    flat = []
    for k, (x, dim) in enumerate(zip(tensors, in_dims, strict=True)):
        if x.numel():
            x = x.expand(info.batch_size, *x.shape) if dim is None else x.movedim(dim, 0)
            x = x.transpose(0, 1).flatten(1, 2) if k == 1 else x.flatten(0, 1)
        flat.append(x)
    found = OPERATORS.band_sums_gradient(*flat)
    return found.unflatten(0, (info.batch_size, -1)), 0


def _sums_on_cpu(ears: torch.Tensor, keep: bool) -> Parts:
    """Do what `band_sums` says, compiled if the precision is single."""
    return (compiled_sums.sums if compiled_sums.takes(ears) else _sums)(ears, keep)


def _gradient_on_cpu(ears: torch.Tensor, *tensors: torch.Tensor) -> torch.Tensor:
    """Return the gradient of what `_sums_on_cpu` returns."""
    return (compiled_sums.gradient if compiled_sums.takes(ears) else _gradient)(ears, *tensors)


_library = torch.library.Library("qastanet", "FRAGMENT")
for _name, _function, _on_cpu, _fake, _many in (
    ("band_sums", _sums, _sums_on_cpu, _empty, _sums_of_many),
    (
        "band_sums_gradient",
        _gradient,
        _gradient_on_cpu,
        lambda ears, *_: torch.empty_like(ears),
        _gradient_of_many,
    ),
):
    _library.define(_name + torch.library.infer_schema(_function, mutates_args=()))
    _library.impl(_name, _function, "CompositeExplicitAutograd")
    _library.impl(_name, _on_cpu, "CPU")
    torch.library.register_fake(f"qastanet::{_name}", _fake, lib=_library)
    torch.library.register_vmap(f"qastanet::{_name}", _many, lib=_library)
OPERATORS = torch.ops.qastanet


class _BandSums(torch.autograd.Function):
    """`band_sums` with its gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(ears, keep):
        return OPERATORS.band_sums(ears, keep)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[-1])
        ctx.mark_non_differentiable(output[-1])

    @staticmethod
    def backward(ctx, *gradients):
        ears, kept = ctx.saved_tensors
        return OPERATORS.band_sums_gradient(ears, kept, *gradients[:-1]), None


def band_sums(
    ears: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sum what the features need of the bands of two ears, with a gradient.

    With e the magnitude of a band and v its low-passed envelope, in rows of 240 samples:

    Args:
        ears: shape (batch, 2, samples), float32 or float64

    Returns:
        rows: sum of e, and the last state from rest (`planned.Smoothing`), (batch, 2, 29, rows, 2)
        envelopes: v from rest, of the high bands, shape (batch, 2, 20, rows, values)
        products: frame sums of |l|^2, |r|^2, Re and Im of l conj(r), of the low bands, shape
            (batch, 4, 9, frames)

    Example:
        >>> [tuple(x.shape) for x in band_sums(torch.randn(1, 2, 4800))][::2]
        [(1, 2, 29, 20, 2), (1, 4, 9, 2)]
    """
    gradient = torch.is_grad_enabled() and ears.requires_grad
    room = compiled_sums.takes(ears) or _kept_bytes(ears) <= blocks.room(ears.device)
    return _BandSums.apply(ears, gradient and room)[:-1]
