import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sentiment.errors import ConfigError
from sentiment.training.sweeps.space import distribution, probes, split_overrides


def parsed(*overrides):
    return {one.get_key_element(): one for one in OverridesParser.create().parse_overrides(list(overrides))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("interval(0.1,0.5)", FloatDistribution(0.1, 0.5)),
        ("tag(log,interval(1e-5,1e-3))", FloatDistribution(1e-5, 1e-3, log=True)),
        ("interval(1,4)", FloatDistribution(1.0, 4.0)),
        ("int(interval(1.0,4.0))", IntDistribution(1, 4)),
        ("tag(log,int(interval(8,64)))", IntDistribution(8, 64, log=True)),
        ("range(2,6)", IntDistribution(2, 5)),
        ("range(8,33,step=8)", IntDistribution(8, 32, step=8)),
        ("range(0.0,0.3,step=0.1)", FloatDistribution(0.0, 0.2, step=0.1)),
        ("choice(16,32)", CategoricalDistribution([16, 32])),
        ("linear,cosine", CategoricalDistribution(["linear", "cosine"])),
        ("null,0.1", CategoricalDistribution(["null", 0.1])),
    ],
)
def test_each_form_of_hydra_is_a_distribution(text, expected):
    assert distribution(parsed(f"a={text}")["a"]) == expected


def test_an_impossible_interval_is_named():
    with pytest.raises(ConfigError, match="a=tag"):
        distribution(parsed("a=tag(log,interval(0.0,1.0))")["a"])


def test_what_has_one_value_is_not_searched():
    fixed, space = split_overrides(
        parsed("model=minilm", "seed=1", "model.lr=interval(0.1,0.5)", "data.batch_size=8,16,32")
    )
    assert fixed == ["model=minilm", "seed=1"]
    assert list(space) == ["model.lr", "data.batch_size"]
    assert [trial["data.batch_size"] for trial in probes(space)] == [8, 16, 32]
    assert {trial["model.lr"] for trial in probes(space)} == {0.1, 0.5}
