"""A request's JSON as a value: read within its bounds, judged by its model, and described in the document."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from kairan.api.bodies import SMALL_OCTETS_MAX, expected, read_body
from kairan.api.messages import invalid_text
from kairan.api.parts import Parts
from kairan.api.problems import ApiError
from kairan.outcomes import http_api

_Model = TypeVar("_Model", bound=BaseModel)


class StrictBody(BaseModel):
    """What is no field is refused: nothing that a client writes reaches a field it was not given."""

    model_config = ConfigDict(extra="forbid")


async def read_json(
    parts: Parts, request: Request, model: type[_Model], limit: int = SMALL_OCTETS_MAX
) -> _Model:
    """Raises ApiError."""
    with parts.bodies.room_for(expected(request, limit)):
        octets = await read_body(request, limit)
        return await parts.apart(_judged, model, octets)


def _judged(model: type[_Model], octets: bytes) -> _Model:
    try:
        return model.model_validate_json(octets)
    except ValidationError as error:
        raise ApiError(http_api.INVALID, invalid_text(error.errors(include_url=False))) from None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """For `openapi_extra`; the module names the model in its BODIES, too."""
    place = f"#/components/schemas/{model.__name__}"
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": place}}},
        }
    }


def without_nulls(*nullable: str) -> Callable[[_Model], _Model]:
    """A validator: null is a value of those fields alone; elsewhere who leaves a thing as it is does not name it."""

    def judged(value: _Model) -> _Model:
        for name in value.model_fields_set:
            if getattr(value, name) is None and name not in nullable:
                raise PydanticCustomError("null", "{field} must not be null", {"field": name})
        return value

    return judged
