"""Find the sum that all streams of an expression pass through."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.frontend.expr import App, Expr, Num, Var, variables

Outer = Callable[[Expr], Expr]

PLACE = "*sum*"


def split(expr: Expr) -> tuple[Expr, Outer]:
    """Return the innermost part that all variables pass through, and the rest as a function.

    ``outer(inside)`` is ``expr``; ``inside`` depends on several variables, ``outer`` on none else.
    """
    inside = expr
    while True:
        deeper = next((node for node in _several(inside) if _alone(inside, node)), None)
        if deeper is None:
            break
        inside = deeper
    return inside, lambda value: replace_part(expr, inside, value)


def _several(expr: Expr) -> list[Expr]:
    """Return the proper parts of ``expr`` that depend on as many variables as it does."""
    count = len(variables(expr))
    found: list[Expr] = []
    stack = list(expr.args) if isinstance(expr, App) else []
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if id(node) in seen or len(variables(node)) < count:
            continue
        seen.add(id(node))
        found.append(node)
        if isinstance(node, App):
            stack.extend(node.args)
    return found


def _alone(expr: Expr, part: Expr) -> bool:
    return variables(replace_part(expr, part, Var(PLACE))) == (PLACE,)


def replace_part(expr: Expr, part: Expr, value: Expr) -> Expr:
    """Return ``expr`` with the subtree ``part`` (the very object) exchanged."""
    done: dict[int, Expr] = {id(part): value}

    def visit(node: Expr) -> Expr:
        if id(node) not in done:
            if isinstance(node, App):
                done[id(node)] = App(node.fn, tuple(visit(arg) for arg in node.args))
            else:
                assert isinstance(node, (Num, Var))
                done[id(node)] = node
        return done[id(node)]

    return visit(expr)
