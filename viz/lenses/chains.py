"""A chain of modules cut in two, so that what comes before a change is computed once."""

from __future__ import annotations

from torch import nn


def cut(
    net: nn.Module, place: str, *, behind: bool = False
) -> tuple[nn.Sequential | None, nn.Module]:
    """The links of `net` before the one that holds the module `place`, and the rest.

    The links are those of `net`, not copies. None where there is no chain to cut: all is the rest.

    Args:
        net: any network.
        place: dotted name of one of its modules.
        behind: cut behind `place` where it is a link of its own; inside a link there is no cut.
    """
    if type(net) is not nn.Sequential:
        return None, net
    links = [name for name, _ in net.named_children()]
    link = place.partition(".")[0]
    at = links.index(link) + (behind and place == link)
    return net[:at], net[at:]
