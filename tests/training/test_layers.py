"""A network of some layers of another."""

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.training.networks import check_settings, load_network
from tests.backbones import ENCODERS, build

LABELS = ["bad", "good"]
REFUSED = {"albert", "modernbert", "longformer", "funnel"}  # their layers share weights, or differ in kind


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet", "distilbert", "deberta-v2", "electra", "xlnet"])
def test_the_layers_that_are_kept_are_those_of_the_backbone(kind, tmp_path):
    backbone = build(kind, tmp_path / "backbone")
    check_settings(backbone, layers=[0, 2])
    shallow, said = load_network(backbone, LABELS, layers=[0, 2])
    whole, _ = load_network(backbone, LABELS)
    assert "layers 0, 2 of 3 are kept" in said
    assert shallow.config.num_hidden_layers == 2
    outputs = []
    for network in (whole, shallow):
        ids = torch.tensor([[2, 4, 6, 10, 3]])
        states = network.base_model.eval()(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True
        )
        outputs.append(states.hidden_states)
    torch.testing.assert_close(outputs[0][1], outputs[1][1])  # the embeddings and the first layer
    ours, theirs = (dict(network.named_parameters()) for network in (shallow, whole))
    moved = {name: name.replace(".1.", ".2.") for name in ours if ".1." in name}
    assert moved
    for name, source in moved.items():
        torch.testing.assert_close(ours[name], theirs[source])
    shallow.save_pretrained(tmp_path / "saved")
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved")
    for (name, a), (other, b) in zip(shallow.state_dict().items(), again.state_dict().items(), strict=True):
        assert name == other
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", sorted(REFUSED & {*ENCODERS}))
def test_what_has_no_plain_stack_is_refused(kind, tmp_path):
    with pytest.raises(ConfigError, match=f"model.layers can do nothing for {kind}: its layers are not alike; set"):
        check_settings(build(kind, tmp_path), layers=[0, 1])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("[0,3]", "model.layers=[0, 3]: expected ascending numbers of 0 to 1"),
        ("[1,0]", "model.layers=[1, 0]: expected ascending numbers"),
        ("[]", "model.layers=[]: expected ascending numbers"),
        ("[0,1]", "model.layers=[0, 1] are all layers of the backbone; set model.layers=null"),
    ],
)
def test_wrong_layers_are_refused_in_one_line(layers, message, tiny_backbone, capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["train", f"model.layers={layers}", f"model.backbone={tiny_backbone}", f"paths.output_dir={tmp_path}"])
    assert message in capsys.readouterr().err


def test_a_run_of_fewer_layers_is_trained_and_opened(train_tiny, tiny_run):
    from sentiment import Predictor

    run = train_tiny("shallow", f"model.backbone={tiny_run}/export", "model.layers=[0]", "trainer.max_epochs=2")
    with Predictor.load(run) as predictor:
        assert predictor.model.config.num_hidden_layers == 1
        assert predictor("good film").label == "positive"
