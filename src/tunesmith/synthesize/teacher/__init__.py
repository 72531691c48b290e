"""A teacher on this machine: an HTTP server that speaks the protocol of OpenAI."""
