"""From the text of a template to Python code, with the bounds in it.

Jinja2's own generator, changed where code could run or grow without end, and where it would be slow for no gain:
each round of a loop and each call of a macro counts a step; operators that could make something huge go through
``operators``; what the outermost level puts out stays a value until the end, so that a number need not be read back
from its text.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame, operators

_LITERALS = (nodes.Const, nodes.TemplateData, nodes.Neg, nodes.Pos, nodes.Not, nodes.Test, nodes.Compare)


def _bounded(name: str, *, harmless_with_number: bool = False) -> Any:
    def visit(self: Generator, node: nodes.BinExpr, frame: Frame) -> None:
        if harmless_with_number and (_is_number(node.left) or _is_number(node.right)):
            sign = {"add": "+"}[name]
            self.write("(")
            self.visit(node.left, frame)
            self.write(f" {sign} ")
            self.visit(node.right, frame)
            self.write(")")
            return
        self.write(f"environment.{name}(")
        self.visit(node.left, frame)
        self.write(", ")
        self.visit(node.right, frame)
        self.write(")")

    return visit


def _is_number(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and type(node.value) in (int, float)


def _tick(node: nodes.Node) -> nodes.ExprStmt:
    """The statement that counts a step. Jinja2 allows no nodes of others, and nobody else makes this one."""
    return nodes.ExprStmt(nodes.EnvironmentAttribute("tick"), lineno=node.lineno)


class Generator(CodeGenerator):
    """Calls ``environment.tick/text/value/add/multiply/power/modulo/concatenate/light/contains``."""

    visit_Add = _bounded("add", harmless_with_number=True)  # noqa: N815 - Jinja2's names
    visit_Mul = _bounded("multiply")  # noqa: N815
    visit_Pow = _bounded("power")  # noqa: N815
    visit_Mod = _bounded("modulo")  # noqa: N815

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802
        node.body.insert(0, _tick(node))
        if node.test is not None:
            node.test = nodes.And(nodes.EnvironmentAttribute("tick"), node.test, lineno=node.lineno)
        super().visit_For(node, frame)

    def macro_body(self, node: Any, frame: Frame) -> Any:
        node.body.insert(0, _tick(node))
        return super().macro_body(node, frame)

    def visit_EnvironmentAttribute(self, node: nodes.EnvironmentAttribute, frame: Frame) -> None:  # noqa: N802
        self.write(f"environment.{node.name}()")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802
        if node.value == float("inf"):  # Jinja2 would write a name that there is not
            self.write("1e999")
        else:
            super().visit_Const(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.concatenate((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802
        first = node.ops[0]
        if len(node.ops) == 1 and (isinstance(node.expr, _LITERALS) or isinstance(first.expr, _LITERALS)):
            super().visit_Compare(node, frame)
            return
        if len(node.ops) == 1 and first.op in ("in", "notin"):
            self.write("(not " if first.op == "notin" else "(")
            self.write("environment.contains(")
            self.visit(node.expr, frame)
            self.write(", ")
            self.visit(first.expr, frame)
            self.write("))")
            return
        self.write("(environment.light(")
        self.visit(node.expr, frame)
        self.write(")")
        for operand in node.ops:
            self.write(f" {operators[operand.op]} environment.light(")
            self.visit(operand.expr, frame)
            self.write(")")
        self.write(")")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802
        for pair in node.items:
            if not isinstance(pair.key, nodes.Const):
                break
        else:
            super().visit_Dict(node, frame)
            return
        self.write("{")
        for pair in node.items:
            self.write("environment.light(")
            self.visit(pair.key, frame)
            self.write("): ")
            self.visit(pair.value, frame)
            self.write(", ")
        self.write("}")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802
        self.write("environment.call(context, ")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        raise nodes.Impossible

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write("environment.value(" if frame.buffer is None else "environment.text(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        self.write(")")
