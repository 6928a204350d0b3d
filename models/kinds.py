"""The layer kinds a network may be made of: frozen pydantic records, so a network is plain data.

Every network of the project, those of the registry included, is a list of these, and a network a
visitor wrote is the same JSON: nothing in it is ever executed. The records only settle names and
types. Whether the numbers make sense depends on the layers before, so `models.layers.summarize`
judges them and can name the row at fault. Nothing here imports torch.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

MAX_LAYERS = 200
BIGGEST = 10**12

# Wider than anything valid: `summarize` refuses with a sentence, this only keeps arithmetic cheap.
Whole = Annotated[int, Field(ge=-BIGGEST, le=BIGGEST)]
Outputs = Whole | Literal["classes"]
"""A number of outputs, or the word "classes": as many as the data set has."""

ActivationName = Literal[
    "relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "scaled_tanh", "sigmoid"
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Conv(_Record):
    """Convolution with square kernels over zero-padded maps (torch's `Conv2d`)."""

    kind: Literal["conv"] = "conv"
    out_channels: Outputs = Field(default=16, description="feature maps, one filter each")
    kernel_size: Whole = Field(default=3, description="side of the kernel in cells")
    stride: Whole = Field(default=1, description="cells between neighbouring kernel positions")
    padding: Whole = Field(default=0, description="rings of zeros around the input")
    dilation: Whole = Field(default=1, description="distance between the cells a kernel reads")
    groups: Whole = Field(default=1, description="channel groups that do not see each other")
    bias: bool = Field(
        default=True, description="one number added per channel; needless before a norm"
    )


class Local(_Record):
    """A convolution whose positions do not share weights: same connections, own filters each."""

    kind: Literal["local"] = "local"
    out_channels: Outputs = Field(default=8, description="filters at every position")
    kernel_size: Whole = Field(default=3, description="side of the kernel in cells")
    stride: Whole = Field(default=1, description="cells between neighbouring kernel positions")
    padding: Whole = Field(default=0, description="rings of zeros around the input")
    bias: bool = Field(default=True, description="one number added per output")


class PartialConv(_Record):
    """A convolution in which each output channel reads only the input channels listed for it."""

    kind: Literal["partial_conv"] = "partial_conv"
    connections: tuple[tuple[Whole, ...], ...] = Field(
        default=((0,),),
        max_length=4096,
        description="for each output channel, the input channels it reads",
    )
    kernel_size: Whole = Field(default=5, description="side of the kernel in cells")
    padding: Whole = Field(default=0, description="rings of zeros around the input")


class Pool(_Record):
    """Maximum or mean over a window of each map; padding counts as 0 in a mean, never in a max."""

    kind: Literal["pool"] = "pool"
    mode: Literal["max", "mean"] = "max"
    kernel_size: Whole = Field(default=2, description="side of the window in cells")
    stride: Whole | None = Field(
        default=None, description="cells between windows; empty = kernel size"
    )
    padding: Whole = Field(default=0, description="rings around the input, at most half the window")


class Subsample(_Record):
    """LeNet's S layer: the sum of each window, times a trained coefficient, plus a trained bias."""

    kind: Literal["subsample"] = "subsample"
    kernel_size: Whole = Field(
        default=2, description="side of the window and distance between windows"
    )


class Norm(_Record):
    """Normalisation with a trained scale and offset."""

    kind: Literal["norm"] = "norm"
    mode: Literal["batch", "group", "instance", "layer"] = "batch"
    groups: Whole = Field(
        default=4, description="group mode: into how many groups channels are split"
    )


class Activation(_Record):
    """A function applied to every number on its own."""

    kind: Literal["activation"] = "activation"
    function: ActivationName = "relu"


class Dropout(_Record):
    """While training, each number is set to 0 with probability p and the others are scaled up."""

    kind: Literal["dropout"] = "dropout"
    p: float = Field(default=0.5, description="share of the numbers silenced")


class Flatten(_Record):
    """All maps written into one row of numbers."""

    kind: Literal["flatten"] = "flatten"


class Linear(_Record):
    """Every output is a weighted sum of all inputs."""

    kind: Literal["linear"] = "linear"
    out_features: Outputs = Field(default="classes", description="outputs")
    bias: bool = Field(default=True, description="one number added per output")


class Residual(_Record):
    """He et al.'s basic block: two 3×3 convolutions whose result is added to the block's input.

    Where the shape changes, "pad" (option A) takes every stride-th cell and fills the new channels
    with zeros, "conv" (option B) uses a 1×1 convolution.
    """

    kind: Literal["residual"] = "residual"
    out_channels: Outputs = Field(default=16, description="feature maps")
    stride: Whole = Field(default=1, description="of the first convolution")
    norm: bool = Field(default=True, description="batch norm after each convolution")
    shortcut: Literal["pad", "conv"] = "pad"


class GlobalPool(_Record):
    """One number per map: its mean or its maximum."""

    kind: Literal["global_pool"] = "global_pool"
    mode: Literal["mean", "max"] = "mean"


class Rbf(_Record):
    """LeNet's output: minus half the squared distance to one fixed 7×12 code per class."""

    kind: Literal["rbf"] = "rbf"


AnyLayer = (
    Conv
    | Pool
    | Norm
    | Activation
    | Dropout
    | Flatten
    | Linear
    | Residual
    | GlobalPool
    | Local
    | PartialConv
    | Subsample
    | Rbf
)
Layer = Annotated[AnyLayer, Field(discriminator="kind")]
LayerList = Annotated[tuple[Layer, ...], Field(min_length=1, max_length=MAX_LAYERS)]

LAYER_KINDS: tuple[str, ...] = tuple(
    record.model_fields["kind"].default for record in get_args(AnyLayer)
)
