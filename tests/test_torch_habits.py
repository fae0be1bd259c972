"""What hands that know PyTorch type: each line gives PyTorch's value, or an error that says what to write here.

The values were computed by PyTorch 2.13 from the same lines, with T = torch, nn = torch.nn, F = torch.nn.functional.
"""

import ast
import inspect
import pkgutil
import pydoc
import re

import numpy as np
import pytest

import tinygan
import tinygan.nn.functional as F
from tinygan import losses, nn, ops

SAME = [
    ("x.size()", [2, 3]),
    ("x.size(0)", 2),
    ("x.size(-1) * x.numel() + x.dim()", 20),
    ("x.tolist()", [[1.5, -2.0, 3.0], [0.25, 4.0, -1.0]]),
    ("x.shape[0]", 2),
    ('f"{x.mean():.3f}"', "0.958"),
    ('f"{x[0, 0]}"', "1.5"),
    ('f"{loss:.2f} and {loss.item():.1f}"', "0.35 and 0.3"),
    ("round(loss.item(), 2)", 0.35),
    ("x.clone() * 2", [[3.0, -4.0, 6.0], [0.5, 8.0, -2.0]]),
    ("x.view(3, 2)", [[1.5, -2.0], [3.0, 0.25], [4.0, -1.0]]),
    ("x.view(-1)", [1.5, -2.0, 3.0, 0.25, 4.0, -1.0]),
    ("x.ravel()", [1.5, -2.0, 3.0, 0.25, 4.0, -1.0]),
    ("x.reshape(-1, 1).squeeze()", [1.5, -2.0, 3.0, 0.25, 4.0, -1.0]),
    ("x.permute(1, 0).contiguous().view(6)", [1.5, 0.25, -2.0, 4.0, 3.0, -1.0]),
    ("x.transpose(0, 1)", [[1.5, 0.25], [-2.0, 4.0], [3.0, -1.0]]),
    ("x.unsqueeze(0).repeat(2, 1, 1).sum((1, 2))", [5.75, 5.75]),
    ("x.repeat(1, 2)", [[1.5, -2.0, 3.0, 1.5, -2.0, 3.0], [0.25, 4.0, -1.0, 0.25, 4.0, -1.0]]),
    ("x.expand(2, 2, 3)[1]", [[1.5, -2.0, 3.0], [0.25, 4.0, -1.0]]),
    ("x.topk(2).values", [[3.0, 1.5], [4.0, 0.25]]),
    ("x.topk(2, dim=1, largest=False).indices", [[1, 0], [2, 0]]),
    ("x.sort(dim=1).values", [[-2.0, 1.5, 3.0], [-1.0, 0.25, 4.0]]),
    ("x.sort(descending=True).indices", [[2, 0, 1], [1, 0, 2]]),
    ("values, indices = x.max(dim=1); values + indices", [5.0, 5.0]),
    ("x.argmax(dim=1)", [2, 1]),
    ("x.argsort(dim=-1)", [[1, 0, 2], [2, 0, 1]]),
    ("[r.sum().item() for r in x.unbind(0)]", [2.5, 3.25]),
    ("a, b = x.chunk(2); a - b", [[1.25, -6.0, 4.0]]),
    ("x.split(1, dim=1)[2]", [[3.0], [-1.0]]),
    ("T.cat([x, x], dim=1)", [[1.5, -2.0, 3.0, 1.5, -2.0, 3.0], [0.25, 4.0, -1.0, 0.25, 4.0, -1.0]]),
    ("T.stack([x, -x]).shape", [2, 2, 3]),
    ("T.cat((x, T.zeros(1, 3)), 0)", [[1.5, -2.0, 3.0], [0.25, 4.0, -1.0], [0.0, 0.0, 0.0]]),
    ("x.sign()", [[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]]),
    ("x.abs().log1p()", [[0.9162908, 1.098612, 1.386294], [0.2231435, 1.609438, 0.6931472]]),
    ("x.eq(3.0)", [[False, False, True], [False, False, False]]),
    ("x.ne(x)", [[False, False, False], [False, False, False]]),
    ("x.lt(0.0).sum()", 2),
    ("(x >= 0.25).float().mean()", 0.6666667),
    ("(x > 0) & (x < 3)", [[True, False, False], [True, False, False]]),
    ("~(x > 0) | (x > 3)", [[False, True, False], [False, True, True]]),
    ("(x > 0) ^ (x > 2)", [[True, False, False], [True, False, False]]),
    ("(x > 5).any()", False),
    ("(x > -5).all()", True),
    ("(x > 0).all(dim=1)", [False, False]),
    ("x % 2", [[1.5, -0.0, 1.0], [0.25, 0.0, 1.0]]),
    ("-x // 1", [[-2.0, 2.0, -3.0], [-1.0, -4.0, 1.0]]),
    ("7 % T.tensor([4, 5])", [3, 2]),
    ("i.float() / 2", [1.0, 0.0, 0.5]),
    ("i.long() + 1", [3, 1, 2]),
    ("x.int()", [[1, -2, 3], [0, 4, -1]]),
    ("x.bool()", [[True, True, True], [True, True, True]]),
    ("x.double().dtype == x.dtype", False),
    ('x.to("cpu").sum()', 5.75),
    ("x.cpu().numpy().sum()", 5.75),
    ("x.detach().numpy().max()", 4.0),
    ("x.float().clamp(min=0)", [[1.5, 0.0, 3.0], [0.25, 4.0, 0.0]]),
    ("x.clamp(-1, 1).mean(0)", [0.625, 0.0, 0.0]),
    ("x.masked_fill(x < 0, 0.0)", [[1.5, 0.0, 3.0], [0.25, 4.0, 0.0]]),
    ("T.where(x > 0, x, T.zeros_like(x))", [[1.5, 0.0, 3.0], [0.25, 4.0, 0.0]]),
    ("x[x > 0].mean()", 2.1875),
    ("x[:, 1:]", [[-2.0, 3.0], [4.0, -1.0]]),
    ("x[:, i]", [[3.0, 1.5, -2.0], [-1.0, 0.25, 4.0]]),
    ("x.gather(1, T.tensor([[0], [2]]))", [[1.5], [-1.0]]),
    ("x.index_select(1, i)", [[3.0, 1.5, -2.0], [-1.0, 0.25, 4.0]]),
    ("T.zeros(2, 3) + T.ones(3)", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    ("T.full((2, 2), 0.5)", [[0.5, 0.5], [0.5, 0.5]]),
    ("T.eye(3)[1]", [0.0, 1.0, 0.0]),
    ("T.arange(5)", [0, 1, 2, 3, 4]),
    ("T.arange(0, 1, 0.25)", [0.0, 0.25, 0.5, 0.75]),
    ("T.linspace(-1, 1, 5)", [-1.0, -0.5, 0.0, 0.5, 1.0]),
    ("T.ones_like(x) - T.zeros_like(x)", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    ("T.randn(4, 3).shape", [4, 3]),
    ("T.rand(2, 2).max() < 1", True),
    ("T.randint(0, 10, (64,)).max() < 10", True),
    ("T.randperm(10).sort().values", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("T.tensor([1, 2]).dtype == T.tensor([3]).dtype", True),
    ("T.tensor(3.0).item()", 3.0),
    ("T.from_numpy(np.ones(3)).sum()", 3.0),
    ("len(x)", 2),
    ("[float(v) for v in x[0]]", [1.5, -2.0, 3.0]),
    ("w = T.tensor([1.0, 2.0], requires_grad=True); (w ** 2).sum().backward(); w.grad", [2.0, 4.0]),
    (
        "w = T.tensor([1.0, 2.0], requires_grad=True); (w * w).sum().backward(); (3 * w).sum().backward(); w.grad",
        [5.0, 7.0],
    ),
    ("w = T.ones(3, requires_grad=True); (w.topk(2).values.sum() * 2).backward(); w.grad", [2.0, 2.0, 0.0]),
    (
        "w = T.tensor([3.0, 1.0, 2.0], requires_grad=True); (w.sort().values * T.arange(3)).sum().backward(); w.grad",
        [2.0, 0.0, 1.0],
    ),
    ("w = T.tensor([3.5, -1.5], requires_grad=True); (w % 2).sum().backward(); w.grad", [1.0, 1.0]),
    ("w = T.tensor([0.3, 2.6], requires_grad=True); (w.round() * w).sum().backward(); w.grad", [0.0, 3.0]),
    ("x.var(unbiased=False)", 4.467014),
    ("T.arange(3).float().requires_grad_().requires_grad", True),
    ("x.dtype == T.float32", True),
    ("T.zeros(2, dtype=T.int64).dtype == i.dtype", True),
    ("x.norm()", 5.684409),
    ("x.norm(dim=1)", [3.905125, 4.130678]),
    ("x.norm(2, dim=1, keepdim=True)", [[3.905125], [4.130678]]),
    ("x.std(dim=0)", [0.8838835, 4.24264, 2.828427]),
    ("x.var(dim=1, keepdim=True)", [[6.583333], [6.770833]]),
    ("x.softmax(dim=1).log()", [[-1.706907, -5.206907, -0.206907], [-3.779807, -0.029807, -5.029807]]),
    ("x.flatten(1).cumsum(1)", [[1.5, -0.5, 2.5], [0.25, 4.25, 3.25]]),
    ("x @ x.T", [[15.25, -10.625], [-10.625, 17.0625]]),
    ("x.matmul(x.T)", [[15.25, -10.625], [-10.625, 17.0625]]),
    ("F.relu(x)", [[1.5, 0.0, 3.0], [0.25, 4.0, 0.0]]),
    ("F.leaky_relu(x, 0.2)", [[1.5, -0.4, 3.0], [0.25, 4.0, -0.2]]),
    ("F.softmax(x, dim=1)", [[0.1814261, 0.005478593, 0.8130953], [0.0228271, 0.9706329, 0.006540073]]),
    ("F.mse_loss(x, T.zeros_like(x))", 5.385417),
    ("F.binary_cross_entropy_with_logits(x, T.ones_like(x))", 0.7140467),
    ("F.cross_entropy(x, T.tensor([2, 1]))", 0.118357),
    ("F.one_hot(i, 4)", [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]]),
    ("F.interpolate(x.view(1, 1, 2, 3), scale_factor=2).shape", [1, 1, 4, 6]),
    ("F.pad(x, (1, 0))", [[0.0, 1.5, -2.0, 3.0], [0.0, 0.25, 4.0, -1.0]]),
    ("F.dropout(x, 0.5, training=False)", [[1.5, -2.0, 3.0], [0.25, 4.0, -1.0]]),
    ("F.normalize(x, dim=1)", [[0.3841106, -0.5121475, 0.7682213], [0.06052276, 0.9683641, -0.242091]]),
    ("nn.Linear(3, 4)(x).shape", [2, 4]),
    ("nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1), nn.Sigmoid())(x).shape", [2, 1]),
    ("nn.Linear(3, 4).to(np.float64).weight.dtype == np.float64", True),
    ("nn.Conv2d(1, 4, 3, padding=1)(T.zeros(2, 1, 5, 5)).shape", [2, 4, 5, 5]),
]

REMEDIES = {
    # arguments of other names
    "T.ops.sum(x, axis=1)": r"sum: axis= is called dim= here: sum\(\.\.\., dim=\.\.\.\)",
    "x.mean(axis=0)": "mean: axis= is called dim= here",
    "x.sum(1, keepdims=True)": "keepdims= is called keepdim= here",
    "F.softmax(x, axis=1)": "softmax: axis= is called dim= here",
    "T.cat([x, x], axis=0)": "cat: axis= is called dim= here",
    "T.stack([x, x], axis=0)": "stack: axis= is called dim= here",
    "x.std(ddof=0)": "std: ddof= is called correction= here",
    "x.amax(axis=1, keepdims=True)": "amax: axis= is called dim= here",
    "x.any(axis=0)": "any: axis= is called dim= here",
    "x.sort(axis=0)": "sort: axis= is called dim= here",
    "nn.Softmax(axis=1)": "Softmax: axis= is called dim= here",
    "F.relu(x, inplace=True)": "relu has no inplace=: nothing is changed in place here",
    "T.randn(3, generator=np.random.default_rng(0))": "randn: generator= is called rng= here",
    "nn.Linear(2, 3, seed=0)": "Linear: seed= is called rng= here",
    "T.optim.Adam(nn.Linear(2, 3).parameters(), learning_rate=1e-3)": "lr",
    "T.optim.AdamW(nn.Linear(2, 3).parameters(), wd=0.1)": "weight_decay",
    "T.data.Loader(x.data, batch_size=2, num_workers=4)": "Loader has no num_workers=: .* leave it out",
    "x.sum().backward(retain_graph=True)": "backward has no retain_graph=: .* leave it out",
    "T.grad(outputs=loss, inputs=x, grad_outputs=loss)": r"grad: grad_outputs= is called g= here",
    "T.grad(loss, x, retain_graph=True)": "grad has no retain_graph=: .* leave it out",
    "nn.Linear(2, 3).zero_grad(set_to_none=True)": "zero_grad has no set_to_none=: leave it out",
    "T.optim.SGD(nn.Linear(2, 3).parameters(), 0.1).zero_grad(set_to_none=True)": "leave it out",
    "nn.Conv2d(1, 8)": r"^Conv2d: missing .*'kernel_size' \(its arguments: in_channels, out_channels, kernel_size, ",
    "nn.LSTM(4, 5, proj_size=2)": r"^LSTM: got an unexpected keyword argument 'proj_size' \(its arguments: input_size, ",
    "nn.BatchNorm2d(8, foo=1)": "^BatchNorm2d: got an unexpected keyword argument 'foo'",
    "nn.Linear(2, 2)(x, x)": r"^Linear: takes 2 positional arguments but 3 were given \(its arguments: input\)",
    "T.data.Loader(x.data, batch_size=2, transform=abs)": "Loader has no transform=: change the batches",
    "T.load('x.safetensors', map_location='cpu')": "load has no map_location=: .* leave it out",
    # what is no array
    "F.linear([[1.0]], np.ones((2, 1)))": "linear: input is a list; make it a Tensor",
    "T.cat([[1.0], [2.0]])": r"cat: tensors\[0\] is a list; make it a Tensor",
    "T.cat(x, x)": r"cat takes its tensors as one list: cat\(\[a, b\], dim\)",
    "nn.Linear(2, 3)([1.0, 2.0])": "Linear: input is a list; make it a Tensor",
    "nn.Sequential(nn.Linear(2, 3), nn.ReLU())([1.0, 2.0])": "input is a list; make it a Tensor",
    "nn.Linear(5, 1)(nn.LSTM(3, 5)(x))": r"Linear: input is a tuple, .*output, state = lstm\(x\)",
    "nn.Sequential(nn.LSTM(3, 5), nn.Linear(5, 1))(x)": r"Linear: input is a tuple, .*output, state = lstm\(x\)",
    "F.cross_entropy(nn.LSTM(3, 5)(x), i)": r"cross_entropy: input is a tuple, .*output, state = lstm\(x\)",
    "nn.Linear(3, 2)([x, x])": r"Linear: input is a list of Tensors; join them, tinygan\.stack\(input\)",
    "T.tensor([x, x])": r"join them with tinygan\.stack",
    "T.tensor([[1, 2], [3]])": "all rows must have the same length",
    "T.cat([x, T.ones(2)], dim=1)": r"cat: shapes \(2, 3\), \(2,\) must have as many dimensions",
    "F.mse_loss(x, T.zeros(2))": r"mse_loss: input \(2, 3\) and target \(2,\) must have the same shape",
    "nn.MSELoss()(x, T.zeros(2))": r"mse_loss: input \(2, 3\) and target \(2,\) must have the same shape",
    "F.mse_loss([1.0], [2.0])": "mse_loss: input is a list; make it a Tensor",
    "T.Tensor(3, 4)": r"Tensor\(3, 4\): .*tinygan\.zeros\(2, 3\)",
    "T.Tensor(2, 3, 4)": r"tinygan\.zeros\(2, 3\)",
    "T.zeros(2.5)": r"zeros: sizes are integers, zeros\(2, 3\) or zeros\(\(2, 3\)\)",
    "T.randint(0, 10, 64)": r"randint: size is a tuple",
    "T.from_numpy([1, 2])": r"from_numpy takes a numpy\.ndarray, not a list: use tinygan\.tensor",
    "i.requires_grad_()": "gradients of int64 do not exist: make it floating point",
    "T.tensor([1, 2], requires_grad=True)": "gradients of int64 do not exist: make it floating point",
    "T.tensor(x)": r"t\.detach\(\)\.clone\(\)",
    "x[T.tensor([0.0, 1.0])]": r"an index must be integers .*t\.long\(\)",
    "x.gather(1, T.tensor([[0.0], [2.0]]))": r"t\.long\(\)",
    "F.one_hot(T.tensor([0.0, 1.0]))": r"t\.long\(\)",
    "nn.Embedding(3, 2)(T.tensor([0.0, 1.0]))": r"t\.long\(\)",
    "F.cross_entropy(x, T.tensor([2.0, 1.0]))": r"t(arget)?\.long\(\)",
    "F.nll_loss(x, T.tensor([2.0, 1.0]))": r"t(arget)?\.long\(\)",
    "T.data.Loader(x, batch_size=2)": r"Loader: a Tensor; pass its array, tensor\.data",
    "T.data.Loader([1, 2, 3], batch_size=2)": r"Loader: list .*np\.asarray",
    "T.data.Loader(x.data, 2)": "batch_size",
    # values where there are several
    "'yes' if x == x else 'no'": r"\(t == u\)\.all\(\)",
    "x.item()": r"mean\(\) or sum\(\).*tolist\(\)",
    "f'{x:.3f}'": r"t\.mean\(\)",
    "round(x, 2)": "one element",
    # in place, and methods that are not there
    "x.add_(1)": r"'add_': nothing is changed in place\. Write t = t\.add\(\.\.\.\)",
    "x.zero_()": r"t\.data = np\.zeros_like",
    "x.normal_(0, 1)": r"tinygan\.nn\.init\.normal_",
    "x.copy_(x)": r"t\.data = u\.data\.copy\(\)",
    "x.__setitem__(0, 1.0)": "not assigned to in place: build a new one with where, cat, stack or masked_fill",
    "x.t()": r"write t\.T",
    "x.mm(x.T)": "write t @ u",
    "x.half()": r"t\.float\(\)",
    "x.nelement()": r"t\.numel\(\)",
    "x.type_as(x)": r"t\.to\(u\.dtype\)",
    "x.view_as(x)": r"t\.reshape\(u\.shape\)",
    "x.median()": r"np\.median\(t\.data\)",
    "x.softplus()": r"tinygan\.ops\.softplus\(t\)",
    "x.grad_fn": r"t\.op",
    "x.retain_grad()": r"tinygan\.grad\(loss, \[t\]\)",
    "x.cuda()": "device 'cuda' cannot be used: .*tinygan doctor",
    "x.to('cuda')": "device 'cuda' cannot be used",
    "T.zeros(3, device='cuda:0')": "expected 'cpu' or 'cuda'",
    "x.nonsense": "a Tensor has no 'nonsense'",
    # NumPy's functions
    "np.exp(x)": r"tinygan\.ops\.exp",
    "np.concatenate([x, x])": r"tinygan\.ops\.cat",
    "np.max(x)": r"tinygan\.ops\.max",
    "np.expand_dims(x, 0)": r"tinygan\.ops\.unsqueeze",
    "np.median(x)": r"np\.median\(tensor\.data\)",
    "np.array(x)": r"tensor\.data",
    "T.recipes.load('ring').Settings(lr=1e-3)": "lr=0.001: no such setting; did you mean learning_rate",
    "T.recipes.load('ring').Settings(epochs=3)": "did you mean steps",
    "T.recipes.load('ring').Settings(batchsize=3)": "did you mean batch_size",
    # the module's own names
    "T.exp(x)": r"it is tinygan\.ops\.exp",
    "T.Linear(2, 3)": r"it is tinygan\.nn\.Linear",
    "T.Adam": r"it is tinygan\.optim\.Adam",
    "T.cuda.is_available()": r"tinygan\.backend\.cuda_problem",
    "T.device('cpu')": 'a device is "cpu" or "cuda"',
    "T.autograd.grad": r"tinygan\.grad",
    "T.inference_mode()": r"tinygan\.no_grad",
    "T.utils.data.DataLoader": r"tinygan\.data\.Loader",
    "T.concat([x, x])": r"tinygan\.cat",
    "T.empty(3)": r"tinygan\.zeros",
    "T.zeros(3, dtype=T.float)": r"np\.float32",
    "T.nonsense": "tinygan has no 'nonsense'$",
    "T.lerp": r"write t \+ \(u - t\) \* weight",
    "T.wheer": "did you mean where",
    "T.get_rng_state()": r"rng\.bit_generator\.state",
    "x.view(5, 5)": r"reshape: \(2, 3\) has 6 elements, which do not fill the shape \(5, 5\)",
    "x.reshape(4, -1)": r"do not fill the shape \(4, -1\)",
    "F.cross_entropy(x, F.one_hot(T.tensor([0, 1]), 3))": r"cross_entropy: .*floating point: target\.float\(\)",
    "T.optim.StepLR(nn.Linear(3, 2), 5)": "StepLR takes an optimiser first, got a Linear",
    "T.optim.Adam(nn.Linear(3, 2).parameters()).load_state_dict({'state': 0, 'param_groups': 0})": r"torch\.optim",
    "T.grad(loss, nn.Linear(3, 2))": r"grad\(loss, module\.parameters\(\)\)",
    "x + None": "add: None is neither a number nor a Tensor; a forward without return gives None",
    "x * 'a'": "mul: 'a' is neither a number nor a Tensor$",
    "T.no_grad(abs)": r"@no_grad\(\)",
    # arguments of its parts
    "T.plot.image_grid(x[None, None], nrow=2)": "image_grid: nrow= is called columns= here",
    "T.plot.image_grid(x[None])": r"images\[:, None\]",
    "T.plot.gif([], 'x.gif', fps=3)": "gif: fps= is called seconds_per_frame= here",
    "T.metrics.psnr(x.data, x.data, data_range=1.0)": "psnr: data_range= is called value_range= here",
    "T.data.digits(train=True)": "digits: train= is called split= here",
    "T.data.mnist(root='data')": "mnist has no root=: the folder is named by the environment variable TINYGAN_DATA",
    "T.metrics.evaluate_images(x, x)": "name is 'digits' or 'mnist', got a Tensor",
    # names of its parts
    "T.data.DataLoader": r"tinygan\.data\.Loader\(images, labels, batch_size=64\)",
    "T.data.TensorDataset": r"tinygan\.data\.Loader",
    "T.data.random_split": r"rng\.permutation",
    "T.gan.non_saturating": r"it is tinygan\.gan\.objectives\.non_saturating",
    "T.gan.Player": r"it is tinygan\.gan\.players\.Player",
    "T.gan.gradient_penalty": r"it is tinygan\.gan\.penalties\.one_centred",
    "T.losses.BCEWithLogitsLoss": r"it is tinygan\.nn\.BCEWithLogitsLoss",
    "T.losses.hinge": r"it is tinygan\.gan\.objectives\.hinge",
    "T.metrics.FID": "frechet_distance",
    "T.plot.make_grid": r"image_grid\(pictures, columns=8\)",
    "T.plot.imshow": "save_image",
    "T.ops.log10": r"t\.log\(\) / math\.log\(10\)",
    "nn.relu": r"it is tinygan\.ops\.relu",
    "nn.Adam": r"it is tinygan\.optim\.Adam",
    "nn.SpectralNorm": r"spectral_norm\(layer\)",
    "nn.init.trunc_normal_": r"normal_\(weight, mean, std\)",
    "F.relu6": r"ops\.clamp\(x, 0, 6\)",
    "F.huber_loss": "SmoothL1Loss",
    "F.pairwise_distance": r"norm\(dim=-1\)",
    "T.optim.Linear": r"it is tinygan\.nn\.Linear",
    "T.optim.adam": "did you mean Adam",
    "x.multinomial(1)": r"tinygan\.ops\.multinomial\(t, num_samples\)",
    "x.where(x > 0, x)": r"tinygan\.ops\.where\(condition, t, other\)",
    "x.logit()": r"\(t / \(1 - t\)\)\.log\(\)",
    "T.autograd": r"tinygan\.grad",
    "T.exp": r"it is tinygan\.ops\.exp",
    # saving
    "T.save(nn.Linear(2, 3), 'net.safetensors')": r"save\(linear\.state_dict\(\), path\)",
    "T.save('net.safetensors', {})": "the path comes second",
    "T.save(T.optim.SGD(nn.Linear(3, 2).parameters(), 0.1), 'x.safetensors')": r"save\(sgd\.state_dict\(\), path\)",
    "T.save(x, 'x.safetensors')": "has no names",
    "T.save({'net': {'w': x}, 'epoch': x}, 'x.safetensors')": "one file for each",
    "T.save({'epoch': 3}, 'x.safetensors')": r"np\.array\(3\)",
    "T.save({'x': x}, 'nowhere/x.safetensors')": "the folder .*nowhere does not exist",
    "T.load('nothing.safetensors')": "load: nothing.safetensors does not exist",
}


def run(snippet):
    """The value of a line, whose last statement is an expression, in plain Python."""
    names = {"T": tinygan, "nn": nn, "F": F, "np": np}
    names["x"], names["i"] = tinygan.tensor([[1.5, -2.0, 3.0], [0.25, 4.0, -1.0]]), tinygan.tensor([2, 0, 1])
    names["loss"] = tinygan.tensor(0.34567)
    *lines, last = ast.parse(snippet).body
    exec(compile(ast.Module(lines, []), snippet, "exec"), names)
    return plain(eval(compile(ast.Expression(last.value), snippet, "eval"), names))


def plain(value):
    value = value.tolist() if hasattr(value, "tolist") else value
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("snippet, expected", SAME, ids=[snippet for snippet, _ in SAME])
def test_as_in_pytorch(snippet, expected):
    value = run(snippet)
    if isinstance(expected, str):
        assert value == expected
    else:
        assert np.shape(value) == np.shape(expected)
        assert np.asarray(value).dtype.kind == np.asarray(expected).dtype.kind or np.size(value) == 0
        np.testing.assert_allclose(np.asarray(value, float), np.asarray(expected, float), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("snippet, message", REMEDIES.items(), ids=REMEDIES)
def test_the_error_says_what_to_write(snippet, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tinygan.backend, "cuda_problem", lambda: "CuPy is not installed")
    kinds = (TypeError, ValueError, AttributeError, IndexError, ImportError, RuntimeError, OSError)
    with pytest.raises(kinds, match=message):
        run(snippet)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("warned", ["F.mse_loss(x, x[:1])", "nn.MSELoss()(x, x[:1])", "nn.LSTM(3, 4, dropout=0.5)"])
def test_a_warning_points_at_the_line_that_led_to_it(warned):
    with pytest.warns(UserWarning) as record:
        run(warned)
    assert [w.filename for w in record] == [warned]  # as `run` compiles it


def test_functional_has_all_functions():
    for module in (ops, losses):
        for name, value in vars(module).items():
            if (
                callable(value)
                and not name.startswith("_")
                and getattr(value, "__module__", "").startswith(module.__name__)
            ):
                assert getattr(F, name) is value, name


def test_parts_are_there_after_import_tinygan():
    assert tinygan.nn.Linear is nn.Linear and tinygan.losses is losses and tinygan.ops is ops
    assert {"nn", "optim", "losses", "data", "gan", "plot", "metrics", "zeros", "manual_seed"} <= set(dir(tinygan))
    assert not hasattr(tinygan, "_nonsense")
    assert tinygan.gan.objectives.hinge and {"penalties", "players"} <= set(dir(tinygan.gan))


def functions_of(parameter):
    """The functions of ops and losses that have this parameter."""
    found = [name for name, f in vars(F).items() if callable(f) and not name.startswith("_") and name.islower()]
    return sorted(name for name in found if parameter in inspect.signature(getattr(F, name)).parameters)


@pytest.mark.parametrize(
    "name, theirs, ours",
    [
        (name, theirs, ours)
        for theirs, ours in {"axis": "dim", "keepdims": "keepdim", "ddof": "correction", "seed": "rng"}.items()
        for name in functions_of(ours)
    ],
)
def test_every_function_knows_the_name_elsewhere(name, theirs, ours):
    function, x = getattr(F, name), tinygan.ones(3, 3)
    required = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.name != ours]
    with pytest.raises(TypeError, match=f"^{name}: {theirs}= is called {ours}= here: {name}"):
        function(*[x] * len(required), **{theirs: 0})
    if hasattr(tinygan.Tensor, name):
        with pytest.raises(TypeError, match=f"{theirs}= is called {ours}= here"):
            getattr(x, name)(*[x] * (len(required) - 1), **{theirs: 0})


def test_no_file_hides_behind_a_function():
    """`tinygan.tensor` is the function, so its module has another name."""
    assert {m.name for m in pkgutil.iter_modules(tinygan.__path__)} & set(tinygan.__all__) == {"ops"}


def test_help_is_of_tinygan_alone():
    """help(tinygan) once began with 2,000 lines on NumPy's number types; operators were called lambda."""
    text = pydoc.render_doc(tinygan, renderer=pydoc.plaintext)
    assert len(text.splitlines()) < 800
    for noise in ("numpy.floating", "__ lambda", " object at 0x", "_SupportsArray", "_backward"):
        assert noise not in text, noise
    assert "__add__(self, other)" in text and "\n     |  backward(tensor" in text


def test_signatures_show_no_innards():
    """ArrayLike was written out in help(), as a union of eight of NumPy's private types."""
    for part in (tinygan.data, tinygan.metrics, tinygan.plot):
        for name in part.__all__:
            value = getattr(part, name)
            if callable(value):
                assert "_SupportsArray" not in str(inspect.signature(value)), name


@pytest.mark.parametrize(
    "made, shown",
    [
        ("T.optim.SGD(nn.Linear(3, 2).parameters(), 0.1)", r"SGD\(8 weights: lr=0.1, momentum=0"),
        ("T.optim.StepLR(T.optim.SGD(nn.Linear(3, 2).parameters(), 0.1), 5)", r"StepLR\(base lr 0.1, step 0: lr 0.1\)"),
        ("T.optim.EMA(nn.Linear(3, 2))", r"EMA\(decay=0.999, module=Linear\)"),
        ("T.data.Loader(x.data, batch_size=2)", r"Loader\(2 rows in batches of 2, seed 0, epoch 0\)"),
    ],
)
def test_what_is_printed_says_what_it_is(made, shown):
    assert re.match(shown, run(f"str({made})"))


# --- saving ----------------------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(tmp_path):
    net, other = nn.Linear(3, 2, rng=0), nn.Linear(3, 2, rng=1)
    tinygan.save(net.state_dict(), tmp_path / "net.safetensors")
    other.load_state_dict(tinygan.load(tmp_path / "net.safetensors"))
    assert np.array_equal(net.weight.data, other.weight.data)
    strided = np.arange(12.0).reshape(3, 4).T
    saved = {"strided": strided, "tensor": tinygan.tensor([1, 2]), "": np.zeros((0, 2), bool), "scalar": np.array(2.5)}
    tinygan.save(saved, tmp_path / "x.safetensors")
    loaded = tinygan.load(str(tmp_path / "x.safetensors"))
    for name, value in saved.items():
        expected = value.numpy() if isinstance(value, tinygan.Tensor) else value
        assert loaded[name].dtype == expected.dtype and np.array_equal(loaded[name], expected)


def test_a_save_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.safetensors"
    tinygan.save({"x": np.ones(2)}, path)
    with pytest.raises(TypeError):
        tinygan.save({"x": np.zeros(2), "y": "text"}, path)
    assert tinygan.load(path)["x"].tolist() == [1, 1] and len(list(tmp_path.iterdir())) == 1


BAD_FILES = {
    "of torch.save": (b"PK\x03\x04 and so on", "is a pickle, as torch.save writes"),
    "a pickle": (b"\x80\x04K\x01.", "is a pickle"),
    "text": (b"hello, this is no model", "no readable safetensors file"),
    "empty": (b"", "no readable safetensors file"),
    "a header that promises more": (b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "no readable safetensors file"),
}


@pytest.mark.parametrize("content, message", BAD_FILES.values(), ids=BAD_FILES)
def test_load_refuses_other_files_in_a_sentence(content, message, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        tinygan.load(path)
    assert "\n" not in str(error.value)


def test_load_refuses_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no file"):
        tinygan.load(tmp_path)
