"""A request that cannot be carried out: one entry of the outcomes, and what is at fault in it."""

from collections.abc import Mapping

from pydantic import ValidationError
from scim2_models import Error, SCIMException

from kairan.outcomes import scim_endpoint
from kairan.outcomes.scim_endpoint import ScimProblem

# What is shown of a mistake: enough to find it, and no echo of a megabyte.
_DETAIL_CHARACTERS_MAX = 300

_BY_TYPE: Mapping[str, ScimProblem] = {
    problem.scim_type: problem
    for problem in (
        scim_endpoint.INVALID_SYNTAX,
        scim_endpoint.INVALID_PATH,
        scim_endpoint.INVALID_FILTER,
        scim_endpoint.INVALID_VALUE,
        scim_endpoint.MUTABILITY,
        scim_endpoint.NO_TARGET,
        scim_endpoint.UNIQUENESS,
    )
}


class ScimRequestError(Exception):
    """The peer asked for what it cannot have; nothing was changed."""

    def __init__(self, problem: ScimProblem, at_fault: str = "") -> None:
        super().__init__(problem.key)
        self.problem = problem
        self.at_fault = at_fault[:_DETAIL_CHARACTERS_MAX]


def refused(error: ValidationError | SCIMException) -> ScimRequestError:
    """In our words, of what the library found; its first finding is enough."""
    if isinstance(error, SCIMException):
        return _of(error.to_error())
    return _of(Error.from_validation_error(error.errors(include_url=False)[0]))


def _of(error: Error) -> ScimRequestError:
    problem = _BY_TYPE.get(error.scim_type or "", scim_endpoint.INVALID_VALUE)
    return ScimRequestError(problem, error.detail or "")
