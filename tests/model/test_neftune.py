from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.neftune import add_embedding_noise  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402


def test_noise_fills_its_bound_in_training_and_is_absent_in_use(tiny):
    model = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
    ids = torch.randint(5, 3000, (3, 50), generator=torch.Generator().manual_seed(0))
    embeddings = model.get_input_embeddings()
    clean, logits = embeddings(ids), model(ids).logits
    add_embedding_noise(model, 5.0)
    assert torch.equal(embeddings(ids), clean)
    assert torch.equal(model(ids).logits, logits)
    noise = (embeddings.train()(ids) - clean).detach()
    bound = 5.0 / math.sqrt(50 * 32)
    assert 0.99 * bound < noise.abs().max() <= bound * (1 + 1e-4)
    assert abs(noise.mean()) < 0.03 * bound
    assert float(noise.std()) == pytest.approx(bound / math.sqrt(3), rel=0.03)  # uniform
    torch.manual_seed(4)
    first = embeddings(ids)
    torch.manual_seed(4)
    assert torch.equal(embeddings(ids), first)


def test_the_noise_is_that_of_transformers(tiny):
    theirs = pytest.importorskip("transformers.integrations.neftune").neftune_post_forward_hook
    model = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
    ids = torch.randint(5, 3000, (3, 50), generator=torch.Generator().manual_seed(0))
    embeddings = model.get_input_embeddings().train()
    clean = embeddings(ids)
    embeddings.neftune_noise_alpha = 5.0
    torch.manual_seed(4)
    expected = theirs(embeddings, (ids,), clean)
    add_embedding_noise(model, 5.0)
    torch.manual_seed(4)
    assert torch.equal(embeddings(ids), expected)
