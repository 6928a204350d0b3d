"""Methods that add up one layer's maps, weighed by what each has to do with the answer."""

from __future__ import annotations

from typing import Final

from viz.attribution.method import Cost, Method, Option, Values

_PLACES = "A layer with maps of more than one place."
_RELU: Final = Option(
    name="relu",
    label="Only evidence for it",
    default="yes",
    choices=("yes", "no"),
    help="yes, as in the paper: what speaks against the answer is cut off. no: the signed map.",
)


def _one_pass(_settings: Values, _shape: tuple[int, int, int]) -> Cost:
    return Cost(2, "1 forward pass, and a backward pass that ends at the layer")


def _one_pass_a_map(settings: Values, _shape: tuple[int, int, int]) -> Cost:
    passes = 1 + int(settings["channels"])
    return Cost(passes, f"up to {passes:,} forward passes, one per map of the layer")


CAM_METHODS: Final[tuple[Method, ...]] = (
    Method(
        name="grad_cam",
        title="Grad-CAM",
        family="cam",
        what="The layer's maps, each times its mean gradient, added up; what remains positive is shown.",
        caveat=(
            "As coarse as the layer; the mean gradient also weighs places where a map speaks the other way, "
            "so several objects of a class may merge or get lost."
        ),
        citation=(
            "Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, Grad-CAM: visual explanations from deep "
            "networks via gradient-based localization, ICCV 2017"
        ),
        url="https://arxiv.org/abs/1610.02391",
        cost=_one_pass,
        needs=_PLACES,
        layered=True,
        options=(_RELU,),
    ),
    Method(
        name="guided_grad_cam",
        title="Guided Grad-CAM",
        family="cam",
        what="Grad-CAM scaled up to the image, times guided backpropagation, pixel by pixel.",
        caveat=(
            "Its fine lines come from guided backpropagation, which hardly changes when the weights are made "
            "random (Adebayo et al. 2018): they show edges, not reasons."
        ),
        citation=(
            "Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, Grad-CAM: visual explanations from deep "
            "networks via gradient-based localization, ICCV 2017, section 3.2"
        ),
        url="https://arxiv.org/abs/1610.02391",
        cost=lambda _settings, _shape: Cost(4, "2 forward and 2 backward passes"),
        needs="A layer with maps of more than one place, and activations that can be told apart.",
        layered=True,
        slope=True,
    ),
    Method(
        name="grad_cam_pp",
        title="Grad-CAM++",
        family="cam",
        what=(
            "Grad-CAM with a weighted mean of the positive gradients only, so that small and repeated objects "
            "count as much as large ones."
        ),
        caveat=(
            "Its weights take the answer to be the exponential of the score, and are never negative: maps that "
            "speak against the class do not count against it."
        ),
        citation=(
            "Chattopadhay, Sarkar, Howlader and Balasubramanian, Grad-CAM++: generalized gradient-based visual "
            "explanations for deep convolutional networks, WACV 2018"
        ),
        url="https://arxiv.org/abs/1710.11063",
        cost=_one_pass,
        needs=_PLACES,
        layered=True,
        options=(_RELU,),
    ),
    Method(
        name="score_cam",
        title="Score-CAM",
        family="cam",
        what=(
            "The layer's maps, each weighed by what the network answers when it sees the image through it; no "
            "gradient is needed."
        ),
        caveat=(
            "The softmax over the maps lets a few decide, the more so the larger the scores; an image seen "
            "through a soft mask is none the network was trained on."
        ),
        citation=(
            "Wang, Wang, Du, Yang, Zhang, Ding, Mardziel and Hu, Score-CAM: score-weighted visual explanations "
            "for convolutional neural networks, CVPR workshop 2020"
        ),
        url="https://arxiv.org/abs/1910.01279",
        cost=_one_pass_a_map,
        needs=_PLACES,
        signed=False,
        layered=True,
        options=(
            Option(
                name="channels",
                label="Maps at most",
                default=256,
                low=1,
                high=4096,
                help="The maps that vary most over the image are taken; the paper takes all.",
            ),
            Option(
                name="fill",
                label="Replace by",
                default="mean",
                choices=("mean", "black", "blur"),
                help="What is seen where a map is 0; the paper multiplies, which is the mean colour.",
            ),
        ),
    ),
    Method(
        name="layer_cam",
        title="Layer-CAM",
        family="cam",
        what=(
            "The layer's maps times their positive gradients, place by place, added up; works at early layers, "
            "where it is fine."
        ),
        caveat=(
            "Negative gradients are dropped before the sum, so what speaks against the class is not seen; early "
            "layers mark edges and textures whatever they mean."
        ),
        citation=(
            "Jiang, Zhang, Hou, Cheng and Wei, LayerCAM: exploring hierarchical class activation maps for "
            "localization, IEEE Transactions on Image Processing 2021"
        ),
        url="https://doi.org/10.1109/TIP.2021.3089943",
        cost=_one_pass,
        needs=_PLACES,
        signed=False,
        layered=True,
    ),
    Method(
        name="hires_cam",
        title="HiResCAM",
        family="cam",
        what="The layer's maps times their gradients, place by place, added up with their signs.",
        caveat=(
            "Exact only where nothing but linear layers follows; at other layers the gradient of one place also "
            "depends on all the others."
        ),
        citation=(
            "Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional "
            "neural networks, 2020"
        ),
        url="https://arxiv.org/abs/2011.08891",
        cost=_one_pass,
        needs=_PLACES,
        layered=True,
        options=(
            Option(
                name="relu",
                label="Only evidence for it",
                default="no",
                choices=("yes", "no"),
                help="no: the signed map. yes: what speaks against the answer is cut off.",
            ),
        ),
    ),
    Method(
        name="xgrad_cam",
        title="XGrad-CAM",
        family="cam",
        what="Grad-CAM with the gradient of each map averaged where the map fires, instead of everywhere.",
        caveat=(
            "As coarse as the layer; its weights come as close as they can to a sum that equals the score, "
            "which holds for ReLU networks without bias only."
        ),
        citation=(
            "Fu, Hu, Dong, Guo, Gao and Li, Axiom-based Grad-CAM: towards accurate visualization and explanation "
            "of CNNs, BMVC 2020"
        ),
        url="https://arxiv.org/abs/2008.02312",
        cost=_one_pass,
        needs=_PLACES,
        layered=True,
        options=(_RELU,),
    ),
)
