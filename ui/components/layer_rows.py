"""What the layer editor is told, without Streamlit: its form, and the numbers beside each row.

The form is derived from the JSON schema of `models.layers.LayerList`: which settings a kind has,
their types, choices, defaults and descriptions. A new kind of layer appears in the editor by being
written in `models/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from models.layers import (
    MAX_LAYERS,
    Activation,
    LayerError,
    LayerList,
    Shape,
    Summary,
    parse_layers,
    summarize,
)

Control = Literal["integer", "number", "boolean", "choice", "fixed"]


@dataclass(frozen=True)
class FieldSchema:
    """One setting of a layer kind and the control that edits it.

    `options` are the entries of a choice, or the words a number field takes as well ("classes");
    `optional` fields may be left empty; `expects` ends the sentence "it needs ...". Ranges are not
    here: what fits depends on the layers before, and `models.layers.summarize` judges that.
    """

    name: str
    control: Control
    expects: str
    options: tuple[str, ...]
    optional: bool
    default: Any
    hint: str


@dataclass(frozen=True)
class KindSchema:
    """One kind of layer; `offered` is False for a kind with a setting no control can edit."""

    kind: str
    title: str
    hint: str
    fields: tuple[FieldSchema, ...]
    offered: bool


@cache
def kind_schemas() -> tuple[KindSchema, ...]:
    """Every kind of layer there is, in the order of `models.layers`."""
    schema = TypeAdapter(LayerList).json_schema()
    defs = schema["$defs"]
    return tuple(_kind(one, defs) for one in _branches(schema["items"], defs))


def form() -> dict[str, Any]:
    """The form as data for the browser."""
    return {
        "kinds": [asdict(one) for one in kind_schemas()],
        "most": MAX_LAYERS,
        "inserted": Activation().kind,  # fits anywhere, so a new row never breaks the network
    }


def dump_layers(layers: LayerList) -> list[dict[str, Any]]:
    """Layers as the plain dicts the editor shows and sends."""
    return [layer.model_dump(mode="json") for layer in layers]


def describe(
    rows: Sequence[Mapping[str, Any]], input_shape: Shape, num_classes: int
) -> dict[str, Any]:
    """Everything computed that the editor shows for `rows`, as JSON-able data.

    A row with an unreadable setting ends the table just as a layer that does not fit: the rows
    before it keep their shapes and counts.
    """
    summary, error = _judge(rows, input_shape, num_classes)
    return {
        "rows": [
            {
                "name": row.name,
                "title": row.title,
                "shape": list(row.out_shape),
                "params": row.num_params,
                "macs": row.macs,
                "formula": row.formula,
                "note": row.note,
            }
            for row in summary.rows
        ],
        "error": None if error is None else {"index": error.index, "message": str(error)},
        "params": summary.num_params,
        "macs": summary.macs,
        "input": list(input_shape),
        "classes": num_classes,
    }


def _judge(
    rows: Sequence[Mapping[str, Any]], input_shape: Shape, num_classes: int
) -> tuple[Summary, LayerError | None]:
    """The summary of the readable rows and the first error, of reading or of fitting."""
    try:
        summary = summarize(parse_layers(rows), input_shape, num_classes)
    except LayerError as unreadable:
        before = rows[: unreadable.index]
        if not before:
            return Summary((), unreadable), unreadable
        summary = summarize(parse_layers(before), input_shape, num_classes)
        # the list goes on after these rows: only a misfit counts, not that they end too early
        misfit = summary.error if len(summary.rows) < len(before) else None
        return summary, misfit or unreadable
    return summary, summary.error


def _branches(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a union with every `$ref` followed; else the schema itself."""
    if "$ref" in schema:
        yield from _branches(defs[schema["$ref"].rsplit("/", 1)[-1]], defs)
    elif alternatives := schema.get("oneOf") or schema.get("anyOf"):
        for one in alternatives:
            yield from _branches(one, defs)
    else:
        yield schema


def _kind(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> KindSchema:
    properties = dict(schema["properties"])
    kind: str = properties.pop("kind")["const"]
    fields = tuple(_field(name, one, defs) for name, one in properties.items())
    return KindSchema(
        kind=kind,
        title=kind.replace("_", " "),
        hint=schema.get("description", "").split("\n\n")[0].replace("\n", " "),
        fields=fields,
        offered=all(one.control != "fixed" for one in fields),
    )


def _field(name: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> FieldSchema:
    branches = list(_branches(schema, defs))
    types = {branch.get("type") for branch in branches}
    words = tuple(
        str(word)
        for branch in branches
        if branch.get("type") == "string"
        for word in branch.get("enum", [branch["const"]] if "const" in branch else [])
    )
    optional = "null" in types
    control: Control = "fixed"
    expects = ""
    beside = types - {"null", "string"} if words else types - {"null"}  # besides words and nothing
    if beside == {"integer"}:
        control, expects = "integer", "a whole number"
    elif beside == {"number"}:
        control, expects = "number", "a number"
    elif beside == {"boolean"} and not words:
        control = "boolean"
    elif words and not beside:
        control = "choice"
    if expects:
        expects += "".join(f' or "{word}"' for word in words) + (" or nothing" if optional else "")
    return FieldSchema(
        name=name,
        control=control,
        expects=expects,
        options=words,
        optional=optional,
        default=schema.get("default"),
        hint=schema.get("description", ""),
    )
