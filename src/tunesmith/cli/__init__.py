"""Commands: parse, call one pipeline, print."""
