"""What tests of recipes share: settings so small that a step takes milliseconds, and words of the command line."""

from tinygan import recipes

SMALL = {
    "ring": {"hidden": 16, "batch_size": 32},
    "grid": {"hidden": 16, "batch_size": 32},
    "swissroll": {"hidden": 16, "batch_size": 32},
    "mnist": {"batch_size": 20, "g_channels": 2, "d_channels": 2, "features": 8, "noise": 4},
    "mnist-rows": {"batch_size": 8, "hidden": 6, "noise": 3, "row_noise": 2, "features": 7, "row_latent": "path"},
    "digits": {"batch_size": 8, "hidden": 6, "noise": 3, "row_noise": 2, "features": 7},
    "stacked-mnist": {"batch_size": 8, "noise": 4, "packing": 2},
    "sines": {"batch_size": 4, "hidden": 4, "noise": 2, "step_noise": 2},
    "stock": {"batch_size": 4, "hidden": 4, "noise": 2, "step_noise": 2},
    "chorales": {"batch_size": 4, "hidden": 4, "width": 3, "channels": 2, "pretrain": 2, "length": 8},
    "names": {"batch_size": 8, "hidden": 8, "embedding": 4},
    "captions": {"batch_size": 8, "hidden": 8, "embedding": 4},
    "oracle": {"batch_size": 8, "hidden": 8, "embedding": 4, "sentences": 64, "tokens": 4, "vocabulary": 20},
    "dialogue": {"batch_size": 8, "hidden": 10, "embedding": 6},
}
SMALL |= {"wgan-gp": {**SMALL["mnist"], "n_critic": 2}, "cgan": SMALL["mnist"], "infogan": SMALL["mnist"]}

WAYS = {  # text: what each way has beside SMALL
    "mle": {},
    "policy": {"pretrain": 2, "d_pretrain": 1, "rollouts": 2},
    "gumbel": {"pretrain": 2},
    "infill": {"pretrain": 2, "d_pretrain": 1},
    "vae": {},
}


def small_game(name, **settings):
    """The game of a recipe, small, with settings of its own."""
    recipe = recipes.load(name)
    return recipe.make_game(recipe.Settings(**{"steps": 4, **SMALL[name], **settings}))


def set_words(settings):
    """Settings as words of the command line."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def hold(*players):
    """Let these players learn nothing, whatever they are told."""
    for player in players:
        player.schedule.base_lr = 0.0
