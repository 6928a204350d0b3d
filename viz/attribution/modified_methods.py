"""Methods that change what layers hand back."""

from __future__ import annotations

from typing import Final

from viz.attribution.gradient_methods import BASELINE, OF_BASELINE, ONCE, SEED
from viz.attribution.method import Cost, Method, Option, Remainder

MODIFIED_METHODS: Final[tuple[Method, ...]] = (
    Method(
        name="guided_backprop",
        title="Guided Backprop",
        family="modified",
        what="The gradient, but every ReLU hands back only positive values, and only where it let "
        "its input pass.",
        caveat="Sharp, but close to an edge detector: it hardly changes when the upper layers get "
        "random weights (Adebayo et al. 2018), and it partly recovers the image, whatever the class "
        "(Nie et al. 2018).",
        citation="Springenberg, Dosovitskiy, Brox and Riedmiller, Striving for simplicity: the all "
        "convolutional net, ICLR workshop 2015",
        url="https://arxiv.org/abs/1412.6806",
        needs="ReLUs, and no other activation but the sigmoids of gates.",
        cost=lambda _settings, _shape: ONCE,
        slope=True,
    ),
    Method(
        name="deconvolution",
        title="Deconvolution",
        family="modified",
        what="The gradient, but every ReLU hands back the positive part of what it is handed, "
        "whether it let its input pass or not.",
        caveat="The picture follows the pooling switches more than the unit that is asked "
        "(Mahendran and Vedaldi 2016), and says little about the class (Nie et al. 2018).",
        citation="Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV "
        "2014",
        url="https://arxiv.org/abs/1311.2901",
        needs="ReLUs, and no other activation but the sigmoids of gates.",
        cost=lambda _settings, _shape: ONCE,
        slope=True,
    ),
    Method(
        name="deep_lift",
        title="DeepLift",
        family="modified",
        what="Backwards through slopes from a baseline to the image in place of derivatives (the "
        "rescale rule); the values sum up to the difference in the answer.",
        caveat="The baseline decides, as for Integrated Gradients, and two networks that compute "
        "the same function may get different maps (Sundararajan et al. 2017).",
        citation="Shrikumar, Greenside and Kundaje, Learning important features through propagating "
        "activation differences, ICML 2017",
        url="https://arxiv.org/abs/1704.02685",
        needs="Nothing but linear layers, activations and poolings: no gates, no attention, no "
        "layer norm.",
        cost=lambda _settings, _shape: Cost(3, "2 forward passes and 1 backward pass"),
        remainder=OF_BASELINE,
        options=(BASELINE, SEED),
    ),
    Method(
        name="lrp",
        title="Layer-wise relevance propagation",
        family="modified",
        what="The answer is handed back layer by layer, each unit sharing it among its inputs by "
        "what they gave; the values and what stays with biases sum up to the answer.",
        caveat="The rule decides: ε → 0 is Input × Gradient on ReLU networks (Ancona et al. 2018), "
        "and z plus hardly depends on the upper layers (Sixt et al. 2020).",
        citation="Bach, Binder, Montavon, Klauschen, Müller and Samek, On pixel-wise explanations "
        "for non-linear classifier decisions, PLoS ONE 2015",
        url="https://doi.org/10.1371/journal.pone.0130140",
        needs="A chain of convolutions, linear layers, ReLUs, poolings and batch norm, without "
        "shortcuts or branches.",
        cost=lambda _settings, _shape: Cost(
            5, "1 forward pass and 1 backward pass of up to 4 times the work"
        ),
        remainder=Remainder(
            "stayed in layers", "What biases and ε kept: it reached no pixel", kept=True
        ),
        options=(
            Option(
                "rule",
                "Rule",
                "epsilon plus",
                choices=("epsilon plus", "epsilon", "z plus", "gamma"),
                help="How a layer shares out: by all contributions, damped (epsilon), by the "
                "positive ones (z plus), with the positive ones favoured (gamma); epsilon plus takes "
                "z plus for convolutions and epsilon for linear layers.",
            ),
            Option(
                "pixels",
                "Where z plus meets pixels",
                "box",
                choices=("box", "as elsewhere"),
                help="Pixels are not ReLUs' outputs, their values have both signs. box: the first "
                "layer shares out by how far each pixel is from the value, black or white, that "
                "would have spoken least (Montavon et al. 2017). as elsewhere: by z plus.",
            ),
            Option(
                "epsilon",
                "ε",
                0.01,
                0.0,
                1.0,
                help="Damping, as a share of the layer's root mean square; what it takes reaches no "
                "pixel.",
            ),
            Option("gamma", "γ", 0.25, 0.0, 100.0, help="How much positive contributions gain."),
        ),
    ),
)
