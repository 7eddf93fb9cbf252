"""Which keys a model has at a path."""

from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import BaseModel

from penstock.base.problem import Steps
from penstock.model.resource import Resource


def keys_at(model: type[BaseModel], path: Steps) -> tuple[str, list[str]]:
    """The name of the model at a path of another, and its keys; both empty where there is none."""
    found = model_at(model, path)
    if found is None:
        return "", []
    # What every resource has is not what is looked for.
    common = Resource.model_fields if not path else {}
    return found.__name__, [key for key in found.model_fields if key not in common] or list(found.model_fields)


def model_at(model: type[BaseModel], path: Steps) -> type[BaseModel] | None:
    """The model of what stands at a path, if a mapping of fixed keys belongs there."""
    is_free = False
    for step in path:
        if isinstance(step, int) or is_free:
            # A position in a list, or a key that users choose.
            is_free = False
            continue
        found = model.model_fields.get(step)
        inner = _inner_model(found.annotation) if found else None
        if inner is None:
            return None
        is_free = found is not None and get_origin(found.annotation) is Mapping
        model = inner
    return None if is_free else model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
