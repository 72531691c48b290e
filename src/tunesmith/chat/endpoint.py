"""Endpoint: where a hosted model is, and what it is called there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tunesmith.core.errors import EndpointError, did_you_mean

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OWN_KEY = "TUNESMITH_API_KEY"
"""The variable that holds the key of an endpoint given by its URL."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A service that is known by name."""

    url: str
    key_variable: str | None
    """None: it takes no key."""
    limit_field: str = "max_tokens"
    """What the longest answer is called in its requests."""


PROVIDERS = {
    "openai": Provider("https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
    "dashscope": Provider("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "deepseek": Provider("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "groq": Provider("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "ollama": Provider("http://127.0.0.1:11434/v1", None),
    "openrouter": Provider("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Provider("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "vllm": Provider("http://127.0.0.1:8000/v1", None),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind a URL."""

    url: str
    """Base URL, without a slash at its end: routes such as ``/chat/completions`` follow."""
    model: str
    """Empty: the one model that is served there."""
    key_variable: str | None
    needs_key: bool = False
    limit_field: str = "max_tokens"

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK

    def __str__(self) -> str:
        return f"{self.url}#{self.model}" if self.model else self.url


def is_hosted(name: str) -> bool:
    """Whether a name means a hosted model rather than a folder or a hub's model."""
    return _is_url(name) or name.split(":", 1)[0] in PROVIDERS


def parse_endpoint(name: str) -> Endpoint:
    """Reads ``provider:model``, ``URL#model``, or the URL of a server with one model.

    Args:
        name: such as ``openai:gpt-4o`` or ``http://127.0.0.1:8000/v1``.

    Raises:
        EndpointError: the provider is not known, or the URL cannot be used.
    """
    if _is_url(name):
        return _by_url(name)
    provider, colon, model = name.partition(":")
    if provider not in PROVIDERS:
        raise EndpointError(
            f"{name}: no provider named {provider!r}. {did_you_mean(provider, PROVIDERS)} For any "
            "other endpoint write its URL: https://HOST/v1#MODEL."
        )
    known = PROVIDERS[provider]
    if not colon or not model:
        raise EndpointError(f"{name}: name the model too: {provider}:MODEL.")
    needs_key = known.key_variable is not None
    return Endpoint(known.url, model, known.key_variable, needs_key, known.limit_field)


def _is_url(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _by_url(name: str) -> Endpoint:
    """Of a URL that is refused nothing is repeated that may be a password or a key."""
    name = name.strip()
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:  # whose words hold what stands before an @
        raise EndpointError(
            "not a URL of an endpoint: its host or its port cannot be read. Write https://HOST/v1."
        ) from None
    if "@" in parts.netloc or "@" in parts.path:  # a password with a slash ends in the path
        raise EndpointError(
            f"the URL of an endpoint is no place for a password. Set {OWN_KEY} instead, and write "
            "https://HOST/v1#MODEL."
        )
    host = parts.hostname or ""
    if not host or parts.query or "?" in parts.fragment:
        raise EndpointError(
            f"{host or 'an endpoint without a host'}: write the base URL alone, without a query: "
            "https://HOST/v1#MODEL."
        )
    if not all(sign.isalnum() or sign in "-._:%" for sign in host) or not name.isprintable():
        raise EndpointError(
            f"{host!r}: no host is called so. Write the base URL alone: https://HOST/v1#MODEL."
        )
    host = f"[{host}]" if ":" in host else host
    place = f"{host}:{port}" if port else host
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return Endpoint(f"{parts.scheme}://{place}{path}", parts.fragment, OWN_KEY)
