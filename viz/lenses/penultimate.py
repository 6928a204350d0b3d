"""What a network knows of an image just before it answers: the input of its last layer with weights.

Two images that are near each other there are alike to the network, whatever they look like. The
features of a training split are kept in the worker, so the next question about the same weights is
answered at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.images import normalize
from data.load import Split
from data.splits import spread
from viz.lenses.batching import in_batches
from viz.lenses.chains import cut
from viz.lenses.context import Subject
from viz.lenses.held_out import leaf_macs
from viz.lenses.registry import LensError
from viz.lenses.weights_digest import digest_weights

Metric = Literal["cosine", "euclidean"]
BATCH = 250
MOST_BYTES = 256 << 20  # of features kept
_MACS = 3_000_000_000_000  # for the features of a split: a minute or two of two cores
_NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


@dataclass(frozen=True)
class Features:
    """Of the first images of a split; `share` 1: of all."""

    values: Tensor  # float32 (N, D)
    probs: Tensor  # float32 (N, K), what the network goes on to say
    share: float


def read_metric(metric: str) -> Metric:
    """The metric of a request.

    Raises:
        LensError: there is no such metric.
    """
    if metric not in get_args(Metric):
        raise LensError(f"{metric[:40]!r} is no distance: choose cosine or euclidean.")
    return metric  # type: ignore[return-value]


class FeatureHead:
    """A network without its last layer with weights.

    Args:
        subject: its network is a chain of links, as all are that are trained here.

    Raises:
        LensError: it is not.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        links = [
            name
            for name, link in subject.net.named_children()
            if link.state_dict() and not isinstance(link, _NORMS)
        ]
        if type(subject.net) is not nn.Sequential or not links:
            raise LensError(
                f"{subject.title} is no chain that ends in a layer with weights, so it has no "
                "features to compare: choose a network trained here."
            )
        self.layer = links[-1]
        head, self._tail = cut(subject.net, self.layer)
        self._head = head if head is not None else nn.Sequential()

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Of normalised images (N, C, H, W) the features (N, D), maps as the means of their
        channels, and the probabilities (N, K)."""
        found: Tensor = self._head(batch)
        probs = torch.softmax(self._tail(found), dim=1)
        return (found.mean((2, 3)) if found.ndim == 4 else found.flatten(1)), probs


def split_features(head: FeatureHead, split: Split, name: str) -> Iterator[Features]:
    """Features of a split, more and more; kept for the next question about the same weights.

    Args:
        head: of the network.
        split: images of its data set.
        name: of the split.
    """
    key = _key(head.subject, name, len(split))
    if key in _kept:
        _kept.move_to_end(key)
        yield _kept[key]
        return
    parts: list[tuple[Tensor, Tensor]] = []

    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        return head(normalize(images, head.subject.info))

    for span, part in in_batches(run, split.images, _batch(head.subject)):
        parts.append(part)
        if span.stop < len(split):
            yield _joined(parts, span.stop / len(split))
    _kept[key] = _joined(parts, 1.0)
    while len(_kept) > 1 and sum(each.values.nbytes for each in _kept.values()) > MOST_BYTES:
        _kept.popitem(last=False)
    yield _kept[key]


def all_features(head: FeatureHead, split: Split, name: str) -> Features:
    """Of a whole split, empty or not."""
    empty = head(torch.zeros(0, *head.subject.info.shape))
    found = Features(*empty, 1.0)
    if len(split):
        *_, found = split_features(head, split, name)
    return found


def search_part(head: FeatureHead, split: Split) -> Tensor:
    """Which images of a split are searched, int64, rising: all, or where that would take minutes or
    more memory than there is to spare, as many as can be, every class with its share."""
    subject = head.subject
    width = head(torch.zeros(1, *subject.info.shape))[0].shape[1]
    macs = max(sum(leaf_macs(subject).values()), 1)
    count = min(len(split), max(1000, min(_MACS // macs, MOST_BYTES // (4 * width))))
    return torch.arange(len(split)) if count == len(split) else spread(split.labels, count)


def distances(queries: Tensor, values: Tensor, metric: Metric) -> Tensor:
    """(M, N) distances between features (M, D) and (N, D); of one query equal ones are exactly 0
    apart, of several up to rounding.

    Cosine: 1 − the cosine of the angle, 0 to 2. Features of length 0 have a cosine of 0 with all.
    """
    if metric == "cosine":
        queries, values = F.normalize(queries, dim=1), F.normalize(values, dim=1)
        if len(queries) > 1:
            return (1 - queries @ values.T).clamp_min(0)
        halved = (values - queries).square().sum(1)[None] / 2  # of unit vectors: the same
        empty = (values.square().sum(1) == 0) | (queries.square().sum() == 0)
        return torch.where(empty[None] & (halved > 0), 1.0, halved)
    if len(queries) > 1:
        return torch.cdist(queries, values)
    return (values - queries).square().sum(1).sqrt()[None]


def _batch(subject: Subject) -> int:
    """Images at once: a few tenths of a second of work, so that there is something to show."""
    macs = sum(leaf_macs(subject).values())
    return max(10, min(BATCH, int(4e9 // max(macs, 1))))


def _joined(parts: list[tuple[Tensor, Tensor]], share: float) -> Features:
    values, probs = zip(*parts, strict=True)
    return Features(torch.cat(values), torch.cat(probs), share)


_kept: OrderedDict[str, Features] = OrderedDict()


def _key(subject: Subject, split: str, count: int) -> str:
    """Network, weights and images: the same network holds other weights at another moment."""
    dataset = "" if subject.dataset is None else subject.dataset.model_dump_json()
    return f"{digest_weights(subject.net)} {dataset} {subject.info.shape} {subject.seed} {split} {count}"
