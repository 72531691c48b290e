"""Open teacher: the name of any model -> a teacher; of local weights a hash tells which."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.chat.endpoint import Endpoint, is_hosted
from tunesmith.chat.hosted import AT_ONCE, HostedModel
from tunesmith.chat.teacher import Teacher
from tunesmith.core.errors import ModelError
from tunesmith.core.runs import Run
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import model_folder, weights_fingerprint
from tunesmith.pipelines.load import load_chat
from tunesmith.pipelines.prompted import PROMPT, is_prompted
from tunesmith.pipelines.weights import artifact_folder
from tunesmith.synthesize.model_teacher import ModelTeacher

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.patience import Patience
    from tunesmith.chat.reply_cache import ReplyCache
    from tunesmith.chat.spend import Prices


def open_teacher(
    name: str,
    *,
    at_once: int = AT_ONCE,
    template: str | None = None,
    patience: Patience | None = None,
    prices: Prices | None = None,
    max_cost: float | None = None,
    cache: ReplyCache | None = None,
) -> Teacher:
    """Makes a teacher of whatever :func:`tunesmith.load` takes and that writes.

    Args:
        name: ``openai:gpt-4o``, a URL, a run, an artefact, a model's folder or hub id.
        at_once: requests under way together, or in one batch.
        template: of a local model, another than it was tuned with.
        patience: of a hosted one.
        prices: of its tokens.
        max_cost: no request is sent to it once its replies cost so much.
        cache: where its replies are kept beside the store; None: nowhere.

    Raises:
        EndpointError: a hosted one cannot be asked.
        ModelError: it does not write, or is a hosted model behind examples.
        TunesmithError: as :func:`tunesmith.load`.
    """
    if is_hosted(name):
        if template is not None:
            raise ModelError(f"{name}: its endpoint lays conversations out. Leave template out.")
        return HostedModel.open(
            name,
            at_once=at_once,
            patience=patience,
            prices=prices,
            max_cost=max_cost,
            cache=cache,
        )
    model = load_chat(name, template=template, batch_size=at_once)
    from tunesmith.chat.local import LocalModel

    if not isinstance(model, LocalModel):
        raise ModelError(
            f"{name}: puts examples of another task before each request. Name its model itself."
        )
    return ModelTeacher(model, local_endpoint(name, model), batch_size=at_once)


def local_endpoint(name: str | Path | Run, model: LocalModel) -> Endpoint:
    """What stands for a local model in the keys of requests.

    Args:
        name: that it was loaded by; its last part is shown.
        model: as it was loaded.

    Returns:
        ``local:NAME#HASH``; the hash is over weights, tokenizer, template and whatever is put
        before a request, so it is the same wherever the files lie.
    """
    from tunesmith.chat.prompted_local import PromptedLocal

    parts = [
        *_weights(artifact_folder(name)),
        model.tokenizer.fingerprint,
        model.template.model_dump(mode="json"),
        asdict(model.shots) if isinstance(model, PromptedLocal) else None,
    ]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    shown = name.path if isinstance(name, Run) else Path(name).expanduser()
    return Endpoint(f"local:{shown.name or shown.resolve().name}", digest[:16], None)


def _weights(place: str) -> list[str]:
    """Hashes of all weights that answer: those of an adapter, and those it stands on."""
    from tunesmith.model.adapter import is_adapter
    from tunesmith.model.adapter_config import read_adapter_config

    folder = Path(place).expanduser()
    if is_prompted(folder):
        return [json.loads((folder / PROMPT).read_text("utf-8"))["base_fingerprint"]]
    if not (folder.is_dir() and is_adapter(folder)):
        return [weights_fingerprint(model_folder(place))]
    info = ArtifactInfo.load(folder)
    if info is not None:  # it was compared to the base when that was loaded
        return [info.base_fingerprint, weights_fingerprint(folder)]
    config = read_adapter_config(folder)
    base = model_folder(str(config["base_model_name_or_path"]), config.get("revision"))
    return [weights_fingerprint(base), weights_fingerprint(folder)]
