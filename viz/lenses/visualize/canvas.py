"""Pictures as an optimiser holds them: numbers whose gradient is easy to follow, and the picture that
they make.

A picture is offset + colours · latent, brought into [0, 1]. The latent picture is made of separate
pixels or of Fourier waves whose amplitudes are weighed with 1 / frequency, as those of natural
pictures are (Olah, Mordvintsev and Schubert, "Feature visualization", Distill 2017,
"Preconditioning and parameterization"). Latent numbers of size 1 make a picture about as varied as
the data, in either basis, so that one learning rate suits both.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from viz.lenses.visualize.colors import Colors
from viz.visualization.settings import Basis, Valid

NOISE: Final = 0.05  # deviation of the latent picture that an optimisation begins with
_EDGE: Final = 1 / 512  # half a grey level: the inverse of a sigmoid has to end somewhere
_CLIP_SLOPE: Final = 0.25  # of a sigmoid in its middle, so that both kinds move pixels alike


class Latent(Protocol):
    """A latent picture (N, C, H, W) made of numbers that an optimiser moves."""

    numbers: Tensor

    def picture(self, numbers: Tensor) -> Tensor:
        """(n, C, H, W) that `numbers`, all or those of some pictures, make; differentiable."""

    def fill(self, picture: Tensor) -> None:
        """Set the numbers so that they make `picture`."""


class Pixels:
    """Every pixel is a number."""

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.numbers = torch.zeros(shape, requires_grad=True)

    def picture(self, numbers: Tensor) -> Tensor:
        """(n, C, H, W)."""
        return numbers

    @torch.no_grad()
    def fill(self, picture: Tensor) -> None:
        """Set the numbers so that they make `picture`."""
        self.numbers.copy_(picture)


class Fourier:
    """Real and imaginary parts of the waves, weighed with 1 / frequency^decay."""

    def __init__(self, shape: tuple[int, int, int, int], decay: float) -> None:
        n, channels, height, width = shape
        self.size = (height, width)
        self.weights = spectrum_weights(height, width, decay)  # (H, W // 2 + 1)
        self.numbers = torch.zeros(n, channels, height, width // 2 + 1, 2, requires_grad=True)

    def picture(self, numbers: Tensor) -> Tensor:
        """(n, C, H, W)."""
        waves = torch.view_as_complex(numbers) * self.weights
        found: Tensor = torch.fft.irfft2(waves, s=self.size, norm="ortho")
        return found

    @torch.no_grad()
    def fill(self, picture: Tensor) -> None:
        """Set the numbers so that they make `picture`."""
        waves = torch.fft.rfft2(picture, norm="ortho") / self.weights
        self.numbers.copy_(torch.view_as_real(waves))


def spectrum_weights(height: int, width: int, decay: float) -> Tensor:
    """(H, W // 2 + 1) 1 / frequency^decay with a mean square of 1 over all waves.

    The constant wave counts as one that fits the longer side once.
    """
    frequencies = wave_frequencies(height, width)
    weights = frequencies.clamp(min=1 / max(height, width)) ** -decay
    twice = torch.full(
        (width // 2 + 1,), 2.0
    )  # each wave of an rfft stands for itself and its twin
    twice[0] = 1.0
    if width % 2 == 0:
        twice[-1] = 1.0
    power = (weights.square() * twice).sum() / (height * width)
    return weights / power.sqrt()


def wave_frequencies(height: int, width: int) -> Tensor:
    """(H, W // 2 + 1) cycles a pixel of each wave of `rfft2`."""
    return torch.hypot(
        torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None, :].expand(height, -1)
    )


class Canvas:
    """N pictures in [0, 1] and the numbers that an optimiser moves to change them.

        canvas = Canvas((4, *shape), colors)
        canvas.start(generator)                  # near the mean colour; or canvas.fill(picture)
        adam = torch.optim.Adam([canvas.numbers], lr=0.05)
        loss = f(canvas.image())                 # (4, C, H, W) in [0, 1]

    Args:
        shape: (N, C, H, W).
        colors: of the data; its mean is where the pictures begin.
        basis: separate pixels or Fourier waves.
        decay: of the waves.
        decorrelate: whether the latent channels are mixed as the colours of the data are.
        valid: what keeps pixels in [0, 1].
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        colors: Colors,
        *,
        basis: Basis = "fourier",
        decay: float = 1.0,
        decorrelate: bool = True,
        valid: Valid = "sigmoid",
    ) -> None:
        self.latent: Latent = Fourier(shape, decay) if basis == "fourier" else Pixels(shape)
        self.shape = shape
        self._valid = valid
        self._mixing = colors.mixing if decorrelate else torch.eye(shape[1])  # (C, C)
        mean = colors.mean.clamp(_EDGE, 1 - _EDGE)
        self._offset = (mean.logit() if valid == "sigmoid" else mean)[:, None, None]  # (C, 1, 1)

    @property
    def numbers(self) -> Tensor:
        """What the optimiser moves."""
        return self.latent.numbers

    def image(self, numbers: Tensor | None = None) -> Tensor:
        """(N, C, H, W) in [0, 1], differentiable with respect to the canvas's numbers, or those given,
        which may be of some of the pictures."""
        latent = self.latent.picture(self.numbers if numbers is None else numbers)
        mixed = torch.einsum("ij,njhw->nihw", self._mixing, latent)
        if self._valid == "sigmoid":
            return torch.sigmoid(mixed + self._offset)
        clipped: Tensor = _Clip.apply(self._offset + _CLIP_SLOPE * mixed)
        return clipped

    def start(self, generator: torch.Generator, noise: float = NOISE) -> None:
        """Begin near the mean colour, with a little noise of the basis."""
        with torch.no_grad():
            numbers = self.numbers
            # A complex number has two parts.
            deviation = noise / (2**0.5 if numbers.ndim == 5 else 1.0)
            numbers.copy_(deviation * torch.randn(numbers.shape, generator=generator))

    def fill(self, picture: Tensor) -> None:
        """Begin with `picture` (N or 1, C, H, W) in [0, 1]."""
        with torch.no_grad():
            if self._valid == "sigmoid":
                mixed = picture.clamp(_EDGE, 1 - _EDGE).logit() - self._offset
            else:
                mixed = (picture - self._offset) / _CLIP_SLOPE
            latent = torch.einsum("ij,njhw->nihw", torch.linalg.inv(self._mixing), mixed)
            self.latent.fill(latent.expand(self.shape))

    @torch.no_grad()
    def blur(self, sigma: float) -> None:
        """A Gaussian blur of the latent picture, which goes on at the opposite edge."""
        height, width = self.shape[2:]
        # The transform of a Gaussian is a Gaussian.
        keep = torch.exp(-2 * (torch.pi * sigma * wave_frequencies(height, width)).square())
        waves = torch.fft.rfft2(self.latent.picture(self.numbers), norm="ortho") * keep
        self.latent.fill(torch.fft.irfft2(waves, s=(height, width), norm="ortho"))


class _Clip(torch.autograd.Function):
    """Clipping to [0, 1] that lets gradients through which lead back inside: otherwise a pixel that
    has once left could never return."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        """(…) to (…)."""
        ctx.save_for_backward(values)
        return values.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """A descent moves against the gradient."""
        (values,) = ctx.saved_tensors
        (gradient,) = gradients
        outward = ((values <= 0) & (gradient > 0)) | ((values >= 1) & (gradient < 0))
        return gradient.masked_fill(outward, 0)
