"""Pictures written row by row: an LSTM that writes them, a CNN that judges them whole, and the settings that they read."""

from dataclasses import dataclass

from tinygan.gan.latent import LatentPath, Normal
from tinygan.nn import Conv2d, Linear, LSTMCell, Module, ModuleList
from tinygan.ops import cat, chunk, expand, flatten, leaky_relu, lstm, lstm_feedback, permute, unsqueeze
from tinygan.run.settings import RunSettings, setting


@dataclass
class RowSettings(RunSettings):
    """Settings of both networks."""

    noise: int = setting(16, "Size of z, drawn once a picture.", 1)
    row_noise: int = setting(4, "Size of z_t, drawn anew for every row.", 0)
    row_latent: str = setting(
        "fresh",
        "What row t is told beside z: z_t as drawn, or the path of a GRU that z_t moves on.",
        choices=("fresh", "path"),
    )
    hidden: int = setting(112, "Size of the LSTM's state.", 1)
    features: int = setting(128, "Outputs of FC1, the last layer of D's trunk.", 1)
    context: int = setting(0, "Channels through which D is shown the LSTM's states. 0: it sees the picture alone.", 0)

    def __post_init__(self):
        super().__post_init__()
        if self.row_latent == "path" and not self.row_noise:
            raise ValueError("row_latent=path with row_noise=0: a path has row_noise numbers a row; give it 1 or more")


class RowWriter(Module):
    """Generator: (h_0, c_0) = FC1(z); h_t, c_t = LSTM([x_{t-1}, z_t, z]); x_t = tanh(W h_t + b), t = 1..height.

    With row_latent=path, row t is told the point LatentPath(z, z_1 .. z_t) instead of z_t.
    """

    def __init__(self, height, width, s, rng):
        self.height, self.width, self.s = height, width, s
        self.fc1 = Linear(s.noise, 2 * s.hidden, rng=rng)
        self.lstm = LSTMCell(width + s.row_noise + s.noise, s.hidden, rng=rng)
        self.out = Linear(s.hidden, width, rng=rng)
        self.path = LatentPath(s.noise, s.row_noise, s.row_noise, rng=rng) if s.row_latent == "path" else None

    def forward(self, z, row_noise):
        """z (N, noise), z_t (height, N, row_noise) -> pictures (N, 1, height, width), states (height, N, hidden)."""
        h0, c0 = chunk(self.fc1(z), 2, 1)
        noise = self._join(z, row_noise)
        weights = (*self._weights(), self.out.weight, self.out.bias)
        rows, states = lstm_feedback(noise, None, h0, c0, *weights, activation="tanh", return_hidden=True)
        return unsqueeze(permute(rows, (1, 0, 2)), 1), states

    def read(self, pictures, z, row_noise):
        """Return the states (height, N, hidden) with which it would have written these pictures."""
        h0, c0 = chunk(self.fc1(z), 2, 1)
        rows = permute(pictures[:, 0], (1, 0, 2))  # (height, N, width)
        before = cat([rows[:1] * 0, rows[:-1]])
        return lstm(cat([before, self._join(z, row_noise)], 2), h0, c0, *self._weights())[:-1]

    def _join(self, z, row_noise):
        if self.path is not None:
            row_noise = permute(self.path(z, permute(row_noise, (1, 0, 2))), (1, 0, 2))
        return cat([row_noise, expand(z, (self.height, -1, -1))], 2)  # (height, N, row_noise + noise)

    def _weights(self):
        return self.lstm.weight_ih, self.lstm.weight_hh, self.lstm.bias_ih, self.lstm.bias_hh

    def spaces(self):
        """Return where z and z_t are drawn from."""
        return Normal(self.s.noise), Normal(self.s.row_noise, steps=self.height)


class PictureJudge(Module):
    """Discriminator: CNN1 gives features, FC1 and FC2 the verdict. One set of weights for real and generated pictures.

    layers: (channels, kernel_size, stride) of each convolution. With `context`, the states h_t join the picture as
    channels: row t is shown a linear map of h_t all along its width.
    """

    def __init__(self, height, width, layers, s, rng):
        self.state_channels = Linear(s.hidden, s.context, rng=rng) if s.context else None
        channels, convolutions = 1 + s.context, []
        for out_channels, kernel_size, stride in layers:
            convolutions.append(Conv2d(channels, out_channels, kernel_size, stride, padding=1, rng=rng))
            height, width = ((size + 2 - kernel_size) // stride + 1 for size in (height, width))
            channels = out_channels
        self.cnn1 = ModuleList(convolutions)
        self.fc1 = Linear(channels * height * width, s.features, rng=rng)
        self.fc2 = Linear(s.features, 1, rng=rng)

    def forward(self, x, states=None):
        """Pictures (N, 1, height, width), states (height, N, hidden) -> verdicts (N, 1)."""
        if self.state_channels is not None:
            channels = permute(self.state_channels(states), (1, 2, 0))  # (N, context, height)
            x = cat([x, expand(unsqueeze(channels, 3), (-1, -1, -1, x.shape[3]))], 1)
        for convolution in self.cnn1:
            x = leaky_relu(convolution(x), 0.2)
        return self.fc2(leaky_relu(self.fc1(flatten(x, 1)), 0.2))
