"""List models: what an endpoint says that it serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tunesmith.chat.endpoint import Endpoint
from tunesmith.chat.reply_faults import Passing, TooMany, fault_of
from tunesmith.chat.send import name_of
from tunesmith.core.errors import EndpointError, ParkedError

if TYPE_CHECKING:
    import httpx


async def list_models(
    client: httpx.AsyncClient, endpoint: Endpoint, hidden: Callable[[str], str]
) -> list[str]:
    """Names of the models that are served.

    Args:
        client: for the endpoint.
        endpoint: that is asked.
        hidden: takes the key out of a text.

    Raises:
        EndpointError: it refuses, or lists nothing.
        ParkedError: it cannot be reached, or not now.
    """
    import httpx

    try:
        answer = await client.get("/models")
    except httpx.RequestError as error:
        raise ParkedError(
            f"{endpoint}: cannot be reached ({name_of(error)}). Is the server running?"
        ) from None
    if answer.status_code != 200:
        fault = fault_of(answer.status_code, dict(answer.headers), answer.text)
        may_pass = isinstance(fault, Passing | TooMany)
        error = ParkedError if may_pass else EndpointError
        raise error(hidden(f"{endpoint}: {fault.reason}."))
    try:
        return [str(model["id"]) for model in answer.json()["data"]]
    except (ValueError, KeyError, TypeError):
        raise EndpointError(
            f"{endpoint}: does not list its models. Name one: {endpoint}#MODEL."
        ) from None
