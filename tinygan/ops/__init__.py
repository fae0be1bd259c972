from tinygan.autodiff import Tensor
from tinygan.ops.elementwise import *
Tensor.__mul__ = lambda a, b: mul(a, b)
Tensor.__add__ = lambda a, b: add(a, b)
