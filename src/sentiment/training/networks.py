"""Load a pretrained encoder as a transformers classifier, complete or not at all; its dropout rates, and its shards."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from sentiment.backbones import load_config, load_tokenizer, out_of_reach, resolve
from sentiment.data.new_tokens import Wanted, extend, grow
from sentiment.errors import ConfigError, ModelError
from sentiment.export.exits import check_layers
from sentiment.inference.runtimes import first_token_only
from sentiment.training.dropout import drops, head_dropouts, refusal, set_attention_dropout, set_head_dropout
from sentiment.training.heads import adapt_head, describe_new_head, has_names, known_labels, label_dimensions, skeleton
from sentiment.training.layers import keep_layers, stack_of
from sentiment.training.param_groups import embeddings, encoder_prefix, stacks

MIXED = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
PADDING = 1e-4  # tolerance relative to the largest logit, far above rounding errors


def load_network(
    backbone: str,
    labels: Sequence[str],
    dropout: float | None = None,
    attention_dropout: float | None = None,
    revision: str | None = None,
    new_tokens: Wanted = None,
    layers: Sequence[int] | None = None,
) -> tuple[Any, list[str]]:
    """Load the pretrained encoder with a head for `labels` and vectors for the new tokens, in training mode.

    A head that comes with the backbone is kept if it has the same labels, in any order. `layers` are those to keep.

    Returns:
        The network, and remarks for the log, one line each.

    Raises:
        ModelError: the weights are unreachable, damaged, or do not match the config.
        ConfigError: a dropout rate is set that this architecture does not have.
    """
    config = load_config(backbone, revision)
    former = known_labels(raw_config(backbone, revision))
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: i for i, label in enumerate(labels)}
    config.problem_type = None  # it selects a pipeline's activation function and may stem from another task
    if hasattr(config, "function_to_apply"):
        del config.function_to_apply
    said = set_attention_dropout(config, attention_dropout)
    if getattr(config, "attention_type", None) == "block_sparse":
        config.attention_type = "original_full"  # BigBird uses it for short rows, and for all rows after these
        said.append("its attention is computed in full, since the sparse one depends on what else was asked before")
    network, missing, mismatched = read_weights(backbone, config, revision)
    check_whole(backbone, network, {*missing, *mismatched})
    if mismatched:
        said.append(describe_new_head(former, labels))
    elif missing & label_dimensions(network.config).keys():
        said += [describe_new_head(former, labels)] if has_names(former) else []
    elif line := adapt_head(network, former, labels):
        said.append(line)
    if new_tokens:
        pieces = extend(load_tokenizer(backbone, revision), new_tokens)
        grow(network, pieces, backbone=backbone)
        said += [f"{len(pieces)} new tokens, their vectors made of known pieces"] if pieces else []
    if layers is not None:
        network, line = keep_layers(network, layers)
        said.append(line)
    if dropout is not None:
        set_head_dropout(network, dropout)
    return first_token_only(network).train(), said  # Lightning would keep the eval mode it is loaded in: no dropout


def raw_config(backbone: str, revision: str | None) -> dict[str, Any]:
    """Read config.json as written, without the defaults of transformers."""
    from transformers import PretrainedConfig

    raw, _ = PretrainedConfig.get_config_dict(resolve(backbone), revision=revision)
    return dict(raw)


def read_weights(backbone: str, config: Any, revision: str | None) -> tuple[Any, set[str], set[str]]:
    """Load the network, the names of parameters absent from the checkpoint, and of those with another shape in it."""
    from transformers import AutoModelForSequenceClassification

    try:
        network, report = AutoModelForSequenceClassification.from_pretrained(
            resolve(backbone),
            config=config,
            revision=revision,
            dtype=torch.float32,
            trust_remote_code=False,
            weights_only=True,  # a pickle is read only without model.safetensors, and only for tensors
            ignore_mismatched_sizes=True,  # a head for another number of labels is replaced
            output_loading_info=True,
        )
    except Exception as error:  # errors of safetensors, pickle, zip, struct and transformers share no base
        raise out_of_reach(f"the backbone {backbone!r}", error) from error
    return network, set(report["missing_keys"]), {name for name, *_ in report["mismatched_keys"]}


def check_whole(backbone: str, network: Any, absent: Iterable[str]) -> None:
    """Raise ModelError if the checkpoint lacks parameters of the encoder, a pooler aside, which many omit."""
    names = [name for name, _ in network.named_parameters() if name.startswith(encoder_prefix(network))]
    lost = sorted(name for name in set(absent) & set(names) if "pooler" not in name)
    if lost:
        raise ModelError(
            f"the weights of the backbone {backbone!r} are not those of its config.json: {len(lost)} of {len(names)} "
            f"are missing or of another shape (first: {lost[0]}); download it again, or set another model.backbone"
        )


def check_settings(
    backbone: str,
    *,
    revision: str | None = None,
    dropout: float | None = None,
    attention_dropout: float | None = None,
    layer_decay: float = 1.0,
    freeze_embeddings: bool = False,
    layers: Sequence[int] | None = None,
    exits: Sequence[int] | None = None,
    r_drop: float = 0.0,
) -> None:
    """Raise ConfigError for the first setting that has no effect on this backbone; no weights are read."""
    stacked = layers is not None or exits is not None
    if not (dropout or attention_dropout or freeze_embeddings or layer_decay != 1 or stacked or r_drop):
        return
    config = load_config(backbone, revision)
    set_attention_dropout(config, attention_dropout)
    network = skeleton(config)
    if layers is not None:
        stack_of(network, layers)
    if exits is not None:
        if config.model_type != "bert":
            told = f"model.exits={[*exits]} can do nothing for {config.model_type}"
            raise ConfigError(f"{told}: exits are for BERT; set model.exits=null")
        check_layers(exits, config.num_hidden_layers if layers is None else len(layers), "model.exits")
    if dropout and not head_dropouts(network):
        raise ConfigError(refusal("dropout", dropout, config, "null"))
    if r_drop and not attention_dropout and not drops(network, dropout):
        raise ConfigError(
            f"model.r_drop={r_drop:g} can do nothing for {config.model_type} without dropout: two passes are the same; "
            "set model.dropout=0.1, or model.r_drop=0"
        )
    if layer_decay != 1 and not stacks(network):
        raise ConfigError(
            f"model.layer_decay={layer_decay} can do nothing for {config.model_type}: "
            "its layers share their weights; set model.layer_decay=1"
        )
    if freeze_embeddings and not embeddings(network):
        raise ConfigError(
            f"model.freeze_embeddings=true can do nothing for {config.model_type}: it has no token vectors below its "
            "layers; set model.freeze_embeddings=false"
        )


@torch.inference_mode()
def check_runs(network: Any, backbone: str, longest: int, *, precision: str = "32-true") -> None:
    """Check that the network computes a short text, padded beside one of `longest` tokens.

    Backbones that need more than token ids (boxes, a language), miscount their positions or read the padding fail here
    instead of in the middle of training, as do those whose code does not know autocast.

    Raises:
        ModelError: the network fails, in mixed `precision` too, gives non-finite logits, or its answer depends on the
            padding.
    """
    ids = torch.full((2, longest), network.config.vocab_size - 1)
    mask = torch.ones_like(ids)
    mask[0, 3:] = 0
    ids[0, 3:] = network.config.pad_token_id or 0
    was_training = network.training
    try:
        together = network.eval()(input_ids=ids, attention_mask=mask).logits
        alone = network(input_ids=ids[:1, :3], attention_mask=mask[:1, :3]).logits[0]
    except Exception as error:  # an architecture's code may raise anything
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"the backbone {backbone!r} ({network.config.model_type}) cannot compute a text of {longest} tokens: "
            f"{reason}; lower data.max_length, or set another model.backbone"
        ) from error
    else:
        if precision in MIXED:
            check_mixed(network, backbone, precision, {"input_ids": ids[:, :3], "attention_mask": mask[:, :3]})
    finally:
        network.train(was_training)
    if together.shape != (2, network.config.num_labels) or not together.isfinite().all():
        raise ModelError(f"the backbone {backbone!r} gives no finite number for each label; set another model.backbone")
    if (together[0] - alone).abs().max() > PADDING * together.abs().max():
        raise ModelError(
            f"the backbone {backbone!r} ({network.config.model_type}) answers a text otherwise where a longer one is "
            "in its batch, as it reads the padding; set model.backbone to one that masks it, such as BERT or RoBERTa"
        )


def check_mixed(network: Any, backbone: str, precision: str, rows: dict[str, torch.Tensor]) -> None:
    """Raise ModelError if the network fails under autocast, as one does that fills scores with the least of fp32."""
    try:
        with torch.autocast("cpu", MIXED[precision]):
            network(**rows)
    except RuntimeError as error:
        raise ModelError(
            f"the backbone {backbone!r} ({network.config.model_type}) cannot compute in trainer.precision={precision}: "
            f"{str(error).strip().splitlines()[0]}; set trainer.precision=32-true"
        ) from error


def shard(network: torch.nn.Module, heads: Sequence[torch.nn.Module], mesh: DeviceMesh) -> None:
    """Divide the weights of a network, layer by layer, and of heads beside it among the ranks of a mesh, once."""
    if isinstance(network, FSDPModule):
        return
    for layers in [part for part in network.modules() if isinstance(part, torch.nn.ModuleList)]:
        for layer in layers:
            fully_shard(layer, mesh=mesh)
    for whole in [network, *heads]:
        fully_shard(whole, mesh=mesh)
