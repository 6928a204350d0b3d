"""A drawn or photographed digit, laid out the way a data set of drawings lays out its own.

A network that has only seen digits of one height, in one place, with strokes of one width, fails on
anything else, and the person who drew it blames the network. So the drawing gets the treatment the
set's own pictures once got: cut out, scaled to the set's box, centred by mass or by box (MNIST: LeCun
et al. 1998, section III.A), and with the stroke width or the amount of ink the set has.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, max_pool2d, pad

from data.catalogue import Framing

WORKING_SIDE = 256  # larger pictures are reduced to this before anything else
CELLS = 4  # bitmap cells per pixel, a side, where stroke widths are measured and changed
LEAST_CONTRAST = 0.1  # of black to white: less is an empty page
INK_LEVEL = 0.12  # what counts as a stroke when the drawing is cut out
LARGEST_STRETCH = 2.0  # a "1" stays narrow where other digits are stretched to fill the box
LARGEST_LEAN = 1.0  # 45 degrees
LARGEST_CHANGE = 3.0  # pixels by which a stroke's edge may be moved


def lay_out(gray: Tensor, framing: Framing, size: tuple[int, int]) -> tuple[Tensor, str]:
    """Lay a grey picture out in a frame of `size`, light strokes on black.

    Args:
        gray: float (H, W) in [0, 1], dark strokes on a light ground or light on dark.
        framing: of the data set.
        size: height and width of the set's pictures.

    Returns:
        float picture (height, width) in [0, 1], and a sentence about what was done that the person
        should know, empty when nothing was.
    """
    strokes, note = _strokes(_reduced(gray))
    if strokes is None:
        return torch.zeros(size), note
    cut = _cut_out(_upright(strokes) if framing.upright else strokes)
    cells = (size[0] * CELLS, size[1] * CELLS)  # a fine bitmap, on which strokes can be changed
    bitmap = _centred(_scaled(cut, framing, CELLS, 0), framing, cells, CELLS) >= 0.5
    change = _edge_shift(bitmap, framing)
    if change == 0 and framing.block == 1:
        return _centred(_scaled(cut, framing, 1, 0), framing, size, 1), note
    if change > 0:  # thicker strokes reach farther: leave them room in the box
        bitmap = _centred(_scaled(cut, framing, CELLS, change), framing, cells, CELLS) >= 0.5
    bitmap = _signed_distance(bitmap) <= change
    bitmap = _signed_distance(bitmap) <= _edge_shift(
        bitmap, framing
    )  # what the smaller box changed
    return _counted(bitmap.float(), framing.block), note


def _strokes(gray: Tensor) -> tuple[Tensor | None, str]:
    """What stands out from the background, in [0, 1]; None when nothing does."""
    ground = _ground(gray)
    difference = gray - ground
    lighter, darker = float(difference.amax()), float(-difference.amin())
    contrast = max(lighter, darker)
    if contrast < LEAST_CONTRAST:
        return None, "Nothing in the picture stands out from its background."
    inverted = darker > lighter
    strokes = (-difference if inverted else difference) / contrast
    # Paper is never even: what varies as much as the border does is not a stroke.
    unevenness = float(_border(strokes).abs().quantile(0.9))
    floor = min(2 * unevenness, 0.4)
    strokes = ((strokes - floor) / (1 - floor)).clamp(0, 1)
    note = "The picture was inverted: this set shows light strokes on black." if inverted else ""
    return strokes, note


def _ground(gray: Tensor) -> Tensor:
    """The background's brightness everywhere, a plane through the border: light falls unevenly."""
    height, width = gray.shape
    down = torch.linspace(-1, 1, height)[:, None].expand(height, width)
    across = torch.linspace(-1, 1, width)[None, :].expand(height, width)
    design = torch.stack([torch.ones_like(gray), down, across], -1)  # (H, W, 3)
    border, at = _border(gray), torch.stack([_border(layer) for layer in design.unbind(-1)], -1)
    usual = border.median()
    plain = (border - usual).abs() <= 0.15  # a stroke that runs into the border is not background
    if int(plain.sum()) < len(border) // 2:
        return usual.expand(height, width)
    plane = torch.linalg.lstsq(at[plain], border[plain, None], driver="gelsd").solution
    ground: Tensor = (design @ plane).squeeze(-1)
    return ground


def _border(picture: Tensor) -> Tensor:
    """All values on the outermost ring of pixels, 1-D."""
    return torch.cat([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _reduced(gray: Tensor) -> Tensor:
    longest = max(gray.shape)
    if longest <= WORKING_SIDE:
        return gray
    height, width = (max(1, round(side * WORKING_SIDE / longest)) for side in gray.shape)
    return _resized(gray, height, width)


def _resized(picture: Tensor, height: int, width: int) -> Tensor:
    larger = interpolate(
        picture[None, None],
        size=(height, width),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    return larger[0, 0].clamp(0, 1)


def _cut_out(strokes: Tensor) -> Tensor:
    """The bounding box of what is stroke."""
    inked = strokes >= INK_LEVEL
    rows, columns = inked.any(1).nonzero(), inked.any(0).nonzero()
    return strokes[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1]


def _upright(strokes: Tensor) -> Tensor:
    """Sheared sideways until the ink's rows lean neither way on average (by its second moments)."""
    height, width = strokes.shape
    down = (torch.arange(height) + 0.5 - height / 2)[:, None]
    across = (torch.arange(width) + 0.5 - width / 2)[None, :]
    mass = strokes.sum().clamp(min=1e-6)
    down = down - (strokes * down).sum() / mass
    across = across - (strokes * across).sum() / mass
    lean = (strokes * down * across).sum() / (strokes * down * down).sum().clamp(min=1e-6)
    lean = lean.clamp(-LARGEST_LEAN, LARGEST_LEAN)
    reach = int(torch.ceil(lean.abs() * height)) + 1  # columns the top and bottom rows may move by
    wider = pad(strokes, (reach, reach))
    columns = torch.arange(width + 2 * reach) + 0.5 + lean * down  # where each pixel comes from
    grid_x = columns / (width + 2 * reach) * 2 - 1
    grid_y = ((torch.arange(height) + 0.5) / height * 2 - 1)[:, None].expand_as(grid_x)
    grid = torch.stack([grid_x, grid_y], -1)[None]  # (1, H, W, 2)
    return grid_sample(wider[None, None], grid, align_corners=False)[0, 0]


def _scaled(cut: Tensor, framing: Framing, cells: int, margin: float) -> Tensor:
    """The cut-out at the size of the set's box, in `cells` a pixel, less `margin` cells all round."""
    height, width = cut.shape
    down = max(framing.height * cells - 2 * margin, 1) / height
    across = max(framing.width * cells - 2 * margin, 1) / width
    if framing.keep_aspect:
        down = across = min(down, across)
    else:
        across = min(across, down * LARGEST_STRETCH)
        down = min(down, across * LARGEST_STRETCH)
    return _resized(cut, max(1, round(height * down)), max(1, round(width * across)))


def _centred(cut: Tensor, framing: Framing, size: tuple[int, int], pixel: int) -> Tensor:
    """The cut-out on black, centred as the set does but never over the frame's edge.

    `pixel`: cells of this frame to a pixel of the set.
    """
    height, width = cut.shape
    if framing.centre == "mass":
        rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
        mass = cut.sum().clamp(min=1e-6)
        down, across = (
            float((cut.sum(1) * rows).sum() / mass),
            float((cut.sum(0) * columns).sum() / mass),
        )
        # In every image of MNIST the centre of mass lies up to one pixel right of and below the middle.
        top, left = round((size[0] + pixel) / 2 - down), round((size[1] + pixel) / 2 - across)
    else:
        top, left = round((size[0] - height) / 2), round((size[1] - width) / 2)
    top = min(max(top, 0), size[0] - height)
    left = min(max(left, 0), size[1] - width)
    frame = torch.zeros(size)
    frame[top : top + height, left : left + width] = cut
    return frame


def _edge_shift(bitmap: Tensor, framing: Framing) -> float:
    """Cells by which the strokes' edges must move outwards to be as in the set; 0: they are."""
    limit = LARGEST_CHANGE * CELLS
    if framing.ink is not None:
        cells = min(round(framing.ink * bitmap.numel()), bitmap.numel())
        wanted = float(_signed_distance(bitmap).flatten().kthvalue(max(cells, 1)).values)
        return min(max(wanted, -limit), limit)
    if framing.stroke is None:
        return 0.0
    edge = bitmap & (max_pool2d((~bitmap).float()[None], 3, 1, 1)[0] > 0)
    width = 2 * float(bitmap.sum()) / max(float(edge.sum()), 1)  # a bar's area / half its outline
    thinnest, thickest = (side * CELLS for side in framing.stroke)
    return min(max((min(max(width, thinnest), thickest) - width) / 2, -limit), limit)


def _signed_distance(bitmap: Tensor) -> Tensor:
    """Cells to the nearest edge of the ink, negative inside, float (H, W)."""
    height, width = bitmap.shape
    edge = bitmap & (max_pool2d((~bitmap).float()[None], 3, 1, 1)[0] > 0)
    if not bool(edge.any()):
        edge = bitmap if bool(bitmap.any()) else torch.ones_like(bitmap)
    everywhere = torch.cartesian_prod(torch.arange(height), torch.arange(width)).float()
    distance = torch.cdist(everywhere, edge.nonzero().float()).amin(1).view(height, width)
    return torch.where(bitmap, -distance, distance)


def _counted(bitmap: Tensor, block: int) -> Tensor:
    """Mean ink of every pixel, or of every block of pixels with values interpolated in between."""
    cells = CELLS * block
    height, width = bitmap.shape
    share = bitmap.view(height // cells, cells, width // cells, cells).mean((1, 3))
    return _resized(share, height // CELLS, width // CELLS) if block > 1 else share
