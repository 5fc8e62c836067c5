"Files of version 0.1 are read: checkpoints with other names and positions, older keys."

import torch

from compressed_ad.checkpoints import load_model, save_checkpoint
from compressed_ad.config import make_config
from compressed_ad.evaluation import evaluate
from compressed_ad.insight.rollout import packaged_model


def as_in_version_0_1(model) -> dict[str, torch.Tensor]:
    "The weights of a CompressedAD as they were: the encoder in the model itself, positions for latents too."
    weights = {
        f"model.{name.removeprefix('compressor.')}": tensor for name, tensor in model.state_dict().items()
    }
    positions = weights["model.decoder.positions"]
    unused = torch.full(
        (model.decoder.max_seq_length - len(positions), positions.shape[1]), 1e6
    )  # nothing read them
    return weights | {"model.decoder.positions": torch.cat([positions, unused])}


def test_a_checkpoint_of_version_0_1_acts_as_it_did(tmp_path):
    model, config = packaged_model()
    settings = config.model_dump(exclude={"compressor", "compressor_arguments", "schedule_steps"}) | {
        "memory_cleared": False
    }
    save_checkpoint(tmp_path / "old.safetensors", as_in_version_0_1(model), config=settings, step=1)
    old, read = load_model(tmp_path / "old.safetensors")
    assert read == config and old.state_dict().keys() == model.state_dict().keys()
    acted = [
        evaluate(each, config.family, [3, 40], 2, 3, greedy=True, progress=False).returns
        for each in (old, model)
    ]
    assert (acted[0] == acted[1]).all()


def test_a_configuration_of_version_0_1_with_its_control():
    assert make_config({"memory_cleared": True}).compressor == "cleared"
    assert make_config({"memory_cleared": False}).compressor == "replace"
