"""One model in two forms, and models over one set of weights, in a comparison."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.methods.lora import LoRA  # noqa: E402
from tunesmith.methods.method import BaseIdentity  # noqa: E402
from tunesmith.model import load as loading  # noqa: E402
from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.pipelines.asked_as import asked_as  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


@pytest.fixture
def request_of(tmp_path, lines):
    rows = [{"instruction": f"Who comes on day {n}?", "output": f"Guest {n}."} for n in range(4)]
    file = lines(tmp_path / "asked.jsonl", *rows)

    def make(*models, **fields):
        given = {"data": str(file), "out": str(tmp_path / "out"), "max_new_tokens": 6, **fields}
        return CompareRequest(models, **given)

    return make


def test_one_model_is_compared_in_two_forms_and_both_are_told(request_of, tiny, teacher):
    server = teacher()
    request = request_of(
        f"plain={tiny}",
        f"chat={tiny}",
        f"hosted={server.url}#any",
        templates={"plain": "none", "chat": "native"},
    )
    found = compare(request)
    told = {name: model["template"] for name, model in found["models"].items()}
    assert told == {"plain": "none", "chat": "native", "hosted": "endpoint"}
    page = (Path(request.out) / "comparison.md").read_text("utf-8")
    assert "plain: plain text; chat: its own chat template; hosted: its endpoint." in page
    assert compare(request) == found  # kept answers tell it too, and no model is opened
    answers = {name: Path(request.out, "answers", f"{name}.generate.jsonl") for name in told}
    assert answers["plain"].read_text("utf-8") != answers["chat"].read_text("utf-8")


def test_left_to_themselves_models_are_asked_as_what_they_are(tiny, recipe_fields):
    recipe = make_recipe(recipe_fields)
    place = str(tiny)
    assert asked_as(place, None, [place], None).otherwise.name == "none"
    assert asked_as(place, None, [place], recipe).otherwise.name == "summarization"
    assert asked_as(place, None, [place], recipe).template is None  # its own, if it has one
    assert asked_as(place, "recipe", [place], recipe).template.name == "summarization"
    assert asked_as(place, "none", [place], recipe).template.name == "none"
    with pytest.raises(RecipeError, match="no recipe tells a template"):
        asked_as(place, "recipe", [place], None)
    with pytest.raises(RecipeError, match="llama2"):
        asked_as(place, "lama2", [place], None)


def test_base_and_adapters_load_the_base_once(request_of, tiny, tmp_path, monkeypatch):
    names = [f"base={tiny}"]
    for number in range(2):
        model = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
        method = LoRA(rank=2 + number)
        method.apply(model)
        folder = tmp_path / f"adapter{number}"
        folder.mkdir()
        method.save(model, folder, BaseIdentity(str(tiny), None, "x"))
        names.append(f"a{number}={folder}")
    loaded = []
    real = loading.load_model

    def counted(spec, **settings):
        loaded.append(spec.path)
        return real(spec, **settings)

    monkeypatch.setattr(loading, "load_model", counted)
    # Another model stands between them; what shares its weights is opened together all the same.
    compare(request_of(names[0], "other=tunesmith-tiny", *names[1:]))
    assert sorted(loaded) == sorted([str(tiny), "tunesmith-tiny"])
    assert json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))["failed"] == {}
