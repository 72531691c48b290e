"""Show perplexity: how well models foretell running text, as a table."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.show import print_table


def print_perplexity(scores: dict[str, Any]) -> None:
    """Writes the figures of every model, and what they were measured on."""
    print_table(
        ["model", "perplexity", "per word", "bits per byte"],
        [
            [
                name,
                f"{row['perplexity']:,.2f}",
                f"{row['word_perplexity']:,.1f}",
                f"{row['bits_per_byte']:.3f}",
            ]
            for name, row in scores["models"].items()
        ],
        title=f"{scores['n_tokens']:,} tokens, {scores['n_words']:,} words of {scores['split']}",
    )
    click.echo(
        f"windows of {scores['context_tokens']:,} tokens that move on by "
        f"{scores['stride_tokens']:,}; every token is scored once"
    )
