"""Hydra plugin for conf/hydra/launcher/ray.yaml; Hydra only discovers plugins in this namespace package."""

from sentiment.training.sweeps import ray_launcher


class RayLauncher(ray_launcher.RayLauncher):
    pass
