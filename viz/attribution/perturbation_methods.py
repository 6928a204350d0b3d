"""Methods that change the image and only run the network forward."""

from __future__ import annotations

from typing import Final

from viz.attribution.method import Cost, Method, Option, Values
from viz.attribution.sizes import (
    Shape,
    num_segments,
    occlusion_places,
    occlusion_stride,
    occlusion_window,
)

_FILL: Final = Option(
    name="fill",
    label="Replace by",
    default="mean",
    choices=("mean", "black", "blur"),
    help=(
        "The mean colour of the training images, black, or the blurred image. None is neutral: compare them."
    ),
)
_SEED: Final = Option(
    name="seed",
    label="Seed",
    default=0,
    low=0,
    high=9999,
    help="Another seed draws other samples: what changes with it is chance.",
)
_SEGMENTS: Final = Option(
    name="segments",
    label="Regions",
    default=0,
    low=0,
    high=400,
    help="About how many; 0: from the size of the image, up to 49.",
)
_AREAS: Final = Option(
    name="regions",
    label="Kind of regions",
    default="superpixels",
    choices=("superpixels", "grid"),
    help="Superpixels (SLIC) follow the edges of things; a grid does not look at the image.",
)


def _occlusion_cost(settings: Values, shape: Shape) -> Cost:
    given = int(settings["window"]), int(settings["stride"])
    window, stride = occlusion_window(shape, given[0]), occlusion_stride(shape, *given)
    down, across = (occlusion_places(length, window, stride) for length in shape[1:])
    passes = 1 + down * across
    return Cost(
        passes,
        f"{passes:,} forward passes: a patch of {window}×{window} pixels at {down}×{across} places",
    )


def _ablation_cost(settings: Values, shape: Shape) -> Cost:
    if settings["regions"] == "pixels":
        return _forward(1 + shape[1] * shape[2], "one per pixel")
    passes = 1 + num_segments(shape, int(settings["segments"]))
    return Cost(passes, f"about {passes:,} forward passes, one per region")


def _forward(passes: int, which: str) -> Cost:
    return Cost(passes, f"{passes:,} forward passes, {which}")


PERTURBATION_METHODS: Final[tuple[Method, ...]] = (
    Method(
        name="occlusion",
        title="Occlusion",
        family="perturbation",
        what="How far the answer falls when a sliding patch covers the pixel, on average over the patches.",
        caveat=(
            "Sees nothing that is there twice, as either copy suffices; depends on the patch's size, and its "
            "colour and edges are seen by the network, too."
        ),
        citation="Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014",
        url="https://arxiv.org/abs/1311.2901",
        cost=_occlusion_cost,
        options=(
            Option(
                name="window",
                label="Patch, pixels a side",
                default=0,
                low=0,
                high=224,
                help="0: a fifth of the image.",
            ),
            Option(
                name="stride",
                label="Step, pixels",
                default=0,
                low=0,
                high=112,
                help="0: a third of the patch. Smaller is finer and takes longer.",
            ),
            _FILL,
        ),
    ),
    Method(
        name="rise",
        title="RISE",
        family="perturbation",
        what="What the answer is on average while the pixel is seen, over random masks, less the mean answer.",
        caveat=(
            "Random: speckled until there are thousands of masks; cells of the masks limit how fine it can be. "
            "Here the logit is explained; the paper takes the probability, which other classes move, too."
        ),
        citation=(
            "Petsiuk, Das and Saenko, RISE: randomized input sampling for explanation of black-box models, "
            "BMVC 2018"
        ),
        url="https://arxiv.org/abs/1806.07421",
        cost=lambda settings, _shape: _forward(int(settings["masks"]), "one per mask"),
        options=(
            Option(
                name="masks",
                label="Masks",
                default=1000,
                low=10,
                high=20_000,
                help="The paper takes 4,000 to 8,000 for 224×224 pixels.",
            ),
            Option(
                name="grid",
                label="Cells a side",
                default=0,
                low=0,
                high=28,
                help="0: 7, as in the paper; cells of four pixels on small images.",
            ),
            Option(
                name="share",
                label="Share seen",
                default=0.5,
                low=0.05,
                high=0.95,
                help="The chance of a cell to be seen.",
            ),
            Option(
                name="centred",
                label="Less the mean answer",
                default="yes",
                choices=("yes", "no"),
                help="yes: 0 means that seeing the pixel makes no difference. no: as in the paper.",
            ),
            _FILL,
            _SEED,
        ),
    ),
    Method(
        name="lime",
        title="LIME",
        family="perturbation",
        what=(
            "Regions are taken out at random, and a linear function of what is left is fitted to the answers: "
            "its coefficients."
        ),
        caveat=(
            "A few hundred samples for dozens of regions: the map changes with the seed; it depends on the "
            "regions and the width of the kernel, for which there is no rule. Here the logit is explained; the "
            "paper takes the probability, which other classes move, too."
        ),
        citation=(
            "Ribeiro, Singh and Guestrin, Why should I trust you? Explaining the predictions of any classifier, "
            "KDD 2016"
        ),
        url="https://arxiv.org/abs/1602.04938",
        cost=lambda settings, _shape: _forward(int(settings["samples"]), "one per sample"),
        options=(
            _AREAS,
            _SEGMENTS,
            Option(name="samples", label="Samples", default=500, low=10, high=20_000),
            Option(
                name="width",
                label="Width of the kernel",
                default=0.25,
                low=0.01,
                high=10.0,
                help="How far from the whole image a sample may be and still count, in cosine distance.",
            ),
            Option(
                name="ridge",
                label="Penalty on coefficients",
                default=1.0,
                low=0.0,
                high=100.0,
                help="Ridge regression; 0: none.",
            ),
            _FILL,
            _SEED,
        ),
    ),
    Method(
        name="kernel_shap",
        title="KernelSHAP",
        family="perturbation",
        what=(
            "The Shapley value of each region: what it adds to the answer, on average over all orders in which "
            "regions may come in."
        ),
        caveat=(
            "Estimated from a sample of all coalitions; regions that are missing are painted over, and what is "
            "left may look like nothing the network has seen. Here the logit is shared out; of the "
            "probability, which other classes move, too, the shares would be others."
        ),
        citation="Lundberg and Lee, A unified approach to interpreting model predictions, NeurIPS 2017",
        url="https://arxiv.org/abs/1705.07874",
        cost=lambda settings, _shape: _forward(2 + int(settings["samples"]), "one per coalition"),
        options=(
            _AREAS,
            _SEGMENTS,
            Option(
                name="samples",
                label="Coalitions at most",
                default=500,
                low=10,
                high=70_000,
                help="16 regions have 65,534 coalitions; with all of them the values are exact.",
            ),
            _FILL,
            _SEED,
        ),
    ),
    Method(
        name="feature_ablation",
        title="Feature ablation",
        family="perturbation",
        what="How far the answer falls when a region is taken out, one after the other.",
        caveat=(
            "Each region alone: sees nothing that another region makes up for, and depends on where the "
            "regions' borders run."
        ),
        citation=(
            "Kokhlikyan et al., Captum: a unified and generic model interpretability library for PyTorch, 2020, "
            "where it has this name; Robnik-Šikonja and Kononenko, Explaining classifications for individual "
            "instances, TKDE 2008"
        ),
        url="https://arxiv.org/abs/2009.07896",
        cost=_ablation_cost,
        options=(
            Option(
                name="regions",
                label="Kind of regions",
                default="superpixels",
                choices=("superpixels", "grid", "pixels"),
                help="Superpixels (SLIC) follow the edges of things; pixels are for small images only.",
            ),
            _SEGMENTS,
            _FILL,
        ),
    ),
)
