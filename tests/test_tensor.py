"""What editors are told of Tensor is what it has."""

import ast
import inspect

from tinygan import Tensor, ops, tensors


def declared():
    """{name: (arguments, defaults)} of what tensors.py declares for editors."""
    tree = ast.parse(inspect.getsource(tensors))
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    return {
        f.name: ([a.arg for a in f.args.args[1:]], [ast.literal_eval(default) for default in f.args.defaults])
        for block in blocks
        for part in block.body
        for f in (part.body if isinstance(part, ast.ClassDef) else [part])
        if isinstance(f, ast.FunctionDef)
    }


def test_the_methods_declared_are_those_it_has():
    methods = declared()
    given = {name for name, value in vars(Tensor).items() if getattr(value, "__module__", "") != "tinygan.tensors"}
    special = {name for name in given if name.startswith("__")} & set(vars(object))
    assert set(methods) >= set(ops.METHODS) | {"backward", "reshape", "__add__", "__radd__", "__getitem__"}
    assert all(name in vars(Tensor) for name in methods)
    for name, value in vars(Tensor).items():
        home = getattr(getattr(value, "fget", value), "__module__", None)
        if home in ("tinygan.ops", "tinygan.ops.convert", "tinygan.autodiff") and name not in special:
            assert name in methods, name


def test_the_methods_declared_have_the_arguments_of_the_functions():
    for name, (arguments, defaults) in declared().items():
        if name in ops.METHODS:
            parameters = list(inspect.signature(getattr(ops, name)).parameters.values())[1:]
            assert arguments == [p.name for p in parameters], name
            assert defaults == [p.default for p in parameters if p.default is not p.empty], name
