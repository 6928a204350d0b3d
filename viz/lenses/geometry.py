"""Where the units of a layer sit on the image, remembered for each network.

Following every path through a deep network takes a while and depends on its graph alone, never on
its weights, so it is done once a network and forgotten with it.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from torch import nn

from models.receptive_field import Field, receptive_fields
from viz.lenses.context import Subject
from viz.results.maps import Geometry

_FIELDS: WeakKeyDictionary[nn.Module, dict[str, Field]] = WeakKeyDictionary()
_GEOMETRIES: WeakKeyDictionary[nn.Module, dict[str, Geometry]] = WeakKeyDictionary()


def network_fields(subject: Subject) -> dict[str, Field]:
    """The receptive field of every layer, by dotted name."""
    if subject.net not in _FIELDS:
        _FIELDS[subject.net] = receptive_fields(subject.net, subject.info.shape)
    return _FIELDS[subject.net]


def layer_geometry(subject: Subject, layer: str) -> Geometry | None:
    """Where the units of `layer` sit; None where no path from the image to it could be followed."""
    known = _GEOMETRIES.setdefault(subject.net, {})
    field = network_fields(subject).get(layer)
    if field is not None and layer not in known:
        known[layer] = geometry_of(field)
    return known.get(layer)


def geometry_of(field: Field) -> Geometry:
    """The field of a layer as a result that needs no torch."""
    rows = [field.local_box(row, 0) for row in range(field.units[0])]
    columns = [field.local_box(0, column) for column in range(field.units[1])]
    return Geometry(
        size=field.size,
        stride=field.stride,
        tops=np.array([box[0] for box in rows], np.int64),
        bottoms=np.array([box[2] for box in rows], np.int64),
        lefts=np.array([box[1] for box in columns], np.int64),
        rights=np.array([box[3] for box in columns], np.int64),
        whole=field.whole,
        placed=field.has_place,
        misaligned=field.misaligned,
        image=field.image,
    )
