"""Downloads a pretrained network's weights. The one view that uses the network, asked for by name.

A picture never downloads anything; a page offers this instead, shows `models.zoo.read_progress`
meanwhile, and asks again when it has been interrupted: what had come is continued.
"""

from __future__ import annotations

from models.fetch import download_pretrained
from models.references import TorchvisionRef, parse_reference
from models.zoo import find_net
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError, lens
from viz.results.network import FetchedWeights


@lens("fetch_weights")
def fetch_weights(
    context: LensContext, model: str | None, image: str | None, *, press: str = ""
) -> FetchedWeights:
    """Put the weights of `torchvision:<name>` on disk; nothing is done when they are there.

    Args:
        context: of the worker.
        model: which network.
        image: not used.
        press: tells one press of the button from another, so that no earlier answer is given again
            after the file was deleted.
    """
    reference = parse_reference(model or "")
    if not isinstance(reference, TorchvisionRef):
        raise LensError(
            f"{model} is not downloaded: only torchvision:<name> has weights to be fetched."
        )
    net = find_net(reference.name)
    path = download_pretrained(net.name)
    return FetchedWeights(net.name, net.title, path.name, path.stat().st_size)
