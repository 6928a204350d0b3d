"""How wide a spot is: a Gaussian with axes along rows and columns, fitted by least squares.

Fitted, not measured by moments: a field that the border of the image cuts off is as wide as it would
be without the border, and a faint far floor does not count as width.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from viz.results.fields import Gaussian

_NOTHING = Gaussian((math.nan, math.nan), (math.nan, math.nan), math.nan)
_STEPS = 100
_CLOSE = 1e-8  # share of the error: a step that gains less has arrived
_STILL = 1e-7  # pixels, or share of a width: a step below that moves nothing
_NARROWEST = math.log(0.25)  # pixels: below that it is a single pixel
_WIDEST = 2.0  # times the side of the window: wider than that, it has no peak there

Array = npt.NDArray[np.float64]


def fit_gaussian(heat: npt.ArrayLike, window: tuple[int, int, int, int]) -> Gaussian:
    """The Gaussian nearest to `heat` (H, W) inside `window` (top, left, bottom, right).

    Levenberg–Marquardt over (log a, μ_y, μ_x, log σ_y, log σ_x), from the moments. Along an axis of
    fewer than three pixels there is no width: NaN.
    """
    top, left, bottom, right = window
    values = np.asarray(heat, np.float64)[max(top, 0) : bottom, max(left, 0) : right]
    peak = float(values.max(initial=0.0))
    if not math.isfinite(peak) or peak <= 0 or min(values.shape) < 3:
        return _NOTHING
    rows, columns = np.arange(values.shape[0], dtype=float), np.arange(values.shape[1], dtype=float)
    target = values / peak
    found = _descend(target, rows, columns, _moments(target, rows, columns))
    sigma = math.exp(found[3]), math.exp(found[4])
    if any(width > _WIDEST * side for width, side in zip(sigma, values.shape, strict=True)):
        return _NOTHING
    errors = float(((_model(found, rows, columns) - target) ** 2).sum())
    spread = float(((target - target.mean()) ** 2).sum())
    centre = float(found[1]) + max(top, 0), float(found[2]) + max(left, 0)
    return Gaussian(sigma, centre, 1 - errors / spread if spread > 0 else math.nan)


def _moments(target: Array, rows: Array, columns: Array) -> Array:
    down, across = target.sum(axis=1), target.sum(axis=0)
    centre = [(down @ rows) / down.sum(), (across @ columns) / across.sum()]
    variance = [
        (down @ (rows - centre[0]) ** 2) / down.sum(),
        (across @ (columns - centre[1]) ** 2) / across.sum(),
    ]
    shape = np.array([0.0, *centre, *(0.5 * np.log(np.maximum(variance, 0.1)))])
    # The best height for this shape: from a spike's height the descent would flee sideways.
    model = _model(shape, rows, columns)
    shape[0] = math.log(max(float((target * model).sum() / (model**2).sum()), 1e-12))
    return shape


def _model(parameters: Array, rows: Array, columns: Array) -> Array:
    scale, y, x, log_sy, log_sx = parameters
    down = np.exp(-0.5 * ((rows - y) / math.exp(log_sy)) ** 2)
    across = np.exp(-0.5 * ((columns - x) / math.exp(log_sx)) ** 2)
    return math.exp(scale) * np.outer(down, across)


def _descend(target: Array, rows: Array, columns: Array, start: Array) -> Array:
    found, damping = start, 1e-3
    # A stride of more than e in a width overshoots; the limits keep the exponentials finite.
    longest = np.array([1.0, len(rows), len(columns), 1.0, 1.0])
    error = float(((target - _model(found, rows, columns)) ** 2).sum())
    normal, gradient = _slopes(found, target, rows, columns)
    for _ in range(_STEPS):
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), gradient)
        step = step.clip(-longest, longest)
        tried = found + step
        tried[0] = tried[0].clip(-12, 12)
        tried[3:] = tried[3:].clip(_NARROWEST, 12)
        new_error = float(((target - _model(tried, rows, columns)) ** 2).sum())
        if new_error < error:
            gained = error - new_error
            found, error, damping = tried, new_error, damping / 3
            if gained < _CLOSE * error or error < 1e-20:
                break
            normal, gradient = _slopes(found, target, rows, columns)
        else:
            damping *= 4
            if damping > 1e9 or float(np.abs(step).max()) < _STILL:
                break
    return found


def _slopes(found: Array, target: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    """JᵀJ (5, 5) and Jᵀ(target − model) (5,), J the derivatives of the model.

    The model is a product of one factor for the rows and one for the columns, and so is each of its
    derivatives: the sums over all pixels are products of sums along the sides.
    """
    sy, sx = math.exp(found[3]), math.exp(found[4])
    dy, dx = (rows - found[1]) / sy, (columns - found[2]) / sx
    down, across = math.exp(found[0]) * np.exp(-0.5 * dy**2), np.exp(-0.5 * dx**2)
    ones_y, ones_x = np.ones_like(dy), np.ones_like(dx)
    by_row = down * np.stack([ones_y, dy / sy, ones_y, dy**2, ones_y])  # (5, H)
    by_column = across * np.stack([ones_x, ones_x, dx / sx, ones_x, dx**2])  # (5, W)
    residual = target - np.outer(down, across)
    normal = (by_row @ by_row.T) * (by_column @ by_column.T)
    return normal, ((by_row @ residual) * by_column).sum(axis=1)
