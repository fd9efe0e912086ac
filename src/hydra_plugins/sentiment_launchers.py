"""Where Hydra finds the launcher of conf/hydra/launcher/ray.yaml: it takes plugins from this package alone."""

from sentiment.training.sweeps import ray_launcher


class RayLauncher(ray_launcher.RayLauncher):
    pass
