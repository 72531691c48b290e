"""Cut: why answers are not whole, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunesmith.chat.chat_model import ChatModel, Completion


def full_positions(model: ChatModel, answer: Completion, max_new_tokens: int) -> int | None:
    """Positions of a model that prompt and answer fill, where that cut the answer.

    Args:
        model: that answered; of a hosted one nobody tells how much it holds.
        answer: what it said.
        max_new_tokens: longest answer that was asked for.

    Returns:
        Tokens that the model holds; None: the answer is whole, or a higher ``max_new_tokens`` gives
        more of it.
    """
    if answer.finish_reason != "length" or answer.n_tokens >= max_new_tokens:
        return None
    positions = getattr(model, "max_positions", None)
    return positions if isinstance(positions, int) else None


def not_whole(
    model: ChatModel, answers: Sequence[Completion], max_new_tokens: int
) -> Iterator[str]:
    """Lines that tell which of some answers are not whole, and which prompts were cut.

    Args:
        model: that answered.
        answers: what it said.
        max_new_tokens: longest answer that was asked for.
    """
    full = [full_positions(model, one, max_new_tokens) for one in answers]
    n_full = sum(positions is not None for positions in full)
    n_cut = sum(one.finish_reason == "length" for one in answers) - n_full
    n_lost = sum(one.finish_reason in ("content_filter", "refusal") for one in answers)
    n_prompts = sum(one.n_prompt_cut > 0 for one in answers)
    of = f"{{}} of {len(answers):,} answers were" if len(answers) > 1 else "the answer was"
    if n_cut:
        yield f"{of.format(n_cut)} cut after {max_new_tokens} tokens: raise max_new_tokens."
    if n_full:
        positions = next(one for one in full if one is not None)
        why = f"cut, as the model's {positions:,} positions are full: shorten the prompt."
        yield f"{of.format(n_full)} {why}"
    if n_lost:
        yield f"{of.format(n_lost)} declined or withheld."
    if n_prompts:
        who = f"{n_prompts} of {len(answers):,} prompts" if len(answers) > 1 else "the prompt"
        yield f"{who} had no room, and the end was cut: shorten."
