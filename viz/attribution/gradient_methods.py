"""Methods that take the gradient of the network as it is."""

from __future__ import annotations

from typing import Final

from viz.attribution.method import Cost, Method, Option, Remainder, Values

OF_BASELINE: Final = Remainder("f(baseline)", "The same for the image without content")
_BASELINES = ("black", "white", "mean", "blur", "random")
ONCE: Final = Cost(2, "1 forward and 1 backward pass")


def _each(passes: int) -> Cost:
    return Cost(2 * passes, f"{passes:,} forward and as many backward passes")


BASELINE: Final = Option(
    "baseline",
    "Baseline",
    "black",
    choices=_BASELINES,
    help="What stands for nothing there: a black or white image, the data set's mean colour, the "
    "image itself under a strong blur, or random pixels.",
)
SEED: Final = Option(
    "seed", "Seed", 0, 0, 9999, help="Of the random numbers: another seed, another sample."
)
_SAMPLES: Final = Option(
    "samples", "Samples", 32, 2, 512, help="More are smoother, and take as much longer."
)
_NOISE: Final = Option(
    "noise",
    "Noise",
    0.15,
    0.0,
    1.0,
    help="Standard deviation, as a share of the image's range from its darkest to its brightest "
    "value; the authors found 0.1 to 0.2 best.",
)


def _samples(settings: Values, _shape: tuple[int, int, int]) -> Cost:
    return _each(int(settings["samples"]))


GRADIENT_METHODS: Final[tuple[Method, ...]] = (
    Method(
        name="saliency",
        title="Saliency",
        family="gradient",
        what="The absolute gradient of the answer by each pixel: where a small change would matter "
        "most.",
        caveat="Noisy, and blind where the answer is saturated: a pixel that decides may have no "
        "gradient.",
        citation="Simonyan, Vedaldi and Zisserman, Deep inside convolutional networks, ICLR "
        "workshop 2014",
        url="https://arxiv.org/abs/1312.6034",
        cost=lambda _settings, _shape: ONCE,
        signed=False,
        slope=True,
    ),
    Method(
        name="input_x_gradient",
        title="Input × Gradient",
        family="gradient",
        what="Each pixel's value times its gradient: what a linear network would owe to it.",
        caveat="Pixels of the data set's mean colour, which are 0 for the network, get nothing, and "
        "the image shows through whatever the weights are (Adebayo et al. 2018).",
        citation="Shrikumar, Greenside, Shcherbina and Kundaje, Not just a black box, arXiv 2016",
        url="https://arxiv.org/abs/1605.01713",
        cost=lambda _settings, _shape: ONCE,
    ),
    Method(
        name="smoothgrad",
        title="SmoothGrad",
        family="gradient",
        what="The absolute value of the mean gradient over noisy copies of the image.",
        caveat="Smooth is not the same as right: removing the pixels it ranks first hurt networks, "
        "trained again without them, no more than removing those of a single gradient (Hooker et al. "
        "2019).",
        citation="Smilkov, Thorat, Kim, Viégas and Wattenberg, SmoothGrad: removing noise by adding "
        "noise, arXiv 2017",
        url="https://arxiv.org/abs/1706.03825",
        cost=_samples,
        signed=False,
        slope=True,
        options=(_SAMPLES, _NOISE, SEED),
    ),
    Method(
        name="vargrad",
        title="VarGrad",
        family="gradient",
        what="The variance of the gradient over noisy copies of the image: where the network is "
        "bent.",
        caveat="It tells how much the gradient changes, not how large it is: where the network is "
        "linear it is 0, however much a pixel matters (Seo et al. 2018).",
        citation="Adebayo, Gilmer, Goodfellow and Kim, Local explanation methods for deep neural "
        "networks lack sensitivity to parameter values, ICLR workshop 2018",
        url="https://arxiv.org/abs/1810.03307",
        cost=_samples,
        signed=False,
        options=(_SAMPLES, _NOISE, SEED),
    ),
    Method(
        name="integrated_gradients",
        title="Integrated Gradients",
        family="gradient",
        what="The mean gradient on the straight way from a baseline to the image, times how far "
        "each pixel goes; the values sum up to the difference in the answer.",
        caveat="What looks like the baseline gets nothing: on black, black pixels cannot matter. "
        "Compare baselines (Sturmfels et al. 2020).",
        citation="Sundararajan, Taly and Yan, Axiomatic attribution for deep networks, ICML 2017",
        url="https://arxiv.org/abs/1703.01365",
        cost=lambda settings, _shape: _each(int(settings["steps"])),
        remainder=OF_BASELINE,
        options=(
            BASELINE,
            Option(
                "steps",
                "Steps",
                50,
                4,
                500,
                help="Points on the way (Gauss–Legendre). The completeness gap tells whether they "
                "are enough.",
            ),
            SEED,
        ),
    ),
    Method(
        name="gradient_shap",
        title="GradientSHAP",
        family="gradient",
        what="Integrated Gradients from many random images of the data set at once, one random "
        "point on each way (expected gradients).",
        caveat="A random estimate: it sums up to the difference only as the samples grow. It stands "
        "for Shapley values only where pixels are independent, which they are not.",
        citation="Lundberg and Lee, A unified approach to interpreting model predictions, NeurIPS "
        "2017; as expected gradients, Erion et al. 2021",
        url="https://arxiv.org/abs/1705.07874",
        needs="Other images of its data set to compare with; where there are none, a black image.",
        cost=_samples,
        remainder=Remainder(
            "mean f(reference)", "The mean over the reference images that were drawn"
        ),
        compares=True,
        options=(
            Option("samples", "Samples", 64, 2, 1024, help="More shrink the gap, and take longer."),
            SEED,
        ),
    ),
)
