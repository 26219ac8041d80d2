"""The language in which losses write down what they minimise, computed: the text of a loss is held to its code.

    -E log σ(f(x)) - E log(1 - σ(f(x̃))) + 10 E max(0, ‖∇f(x̂)‖ - 1)^2

E is the mean over the batch of the product that follows, min_x the least over its real samples; numbers, scores and
brackets side by side are multiplied.
"""

import re

import torch
from torch import Tensor

TOKEN = re.compile(r"\s*(‖∇f\([^)]*\)‖|‖x - x̃‖|min_x|f\(x̃\)|f\(x\)|\d+(?:\.\d+)?(?:e-?\d+)?|log|max|[Eσ()\[\]+\-^/,])")
BOUNDS = re.compile(r", (every weight clamped|f under) .*$")
"""Words on the critic, which add nothing to the sum."""


class Formula:
    """`value` of a formula where real and fake samples have these scores (N,), and the critic everywhere this slope;
    row i of `distances` (N, N) is how far the fake sample i is from each real one."""

    def __init__(self, text: str, real: Tensor, fake: Tensor, slope: float, distances: Tensor | None = None) -> None:
        self.distances = distances
        text = BOUNDS.sub("", text)
        self.tokens = TOKEN.findall(text)
        assert re.sub(r"\s", "", text) == "".join(re.sub(r"\s", "", token) for token in self.tokens), text
        self.known = {"f(x)": real, "f(x̃)": fake}
        self.slope = torch.tensor(slope, dtype=torch.float64)
        self.value = self.sum()
        assert not self.tokens, f"{text}: {self.tokens[0]} is one too many"

    def next_is(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def take(self, *tokens: str) -> str:
        assert not tokens or self.next_is(*tokens), f"expected {tokens}, got {self.tokens[:1]}"
        return str(self.tokens.pop(0))

    def sum(self) -> Tensor:
        total = torch.zeros((), dtype=torch.float64)
        sign = -1 if self.next_is("-") and self.take() else 1
        while True:
            total = total + sign * self.product()
            if not self.next_is("+", "-"):
                return total
            sign = -1 if self.take() == "-" else 1

    def product(self) -> Tensor:
        value = torch.ones((), dtype=torch.float64)
        while self.tokens and not self.next_is("+", "-", ")", "]", ","):
            if self.next_is("/"):
                self.take()
                value = value / self.power()
            elif self.next_is("E"):
                self.take()
                value = value * self.product().mean()
            else:
                value = value * self.power()
        return value

    def power(self) -> Tensor:
        base = self.factor()
        if not self.next_is("^"):
            return base
        self.take()
        return base ** float(self.take())

    def factor(self) -> Tensor:
        token = self.take()
        if token in self.known:
            return self.known[token]
        if token == "‖x - x̃‖":
            assert self.distances is not None
            return self.distances
        if token.startswith("‖"):
            return self.slope
        if token == "min_x":
            return self.bracket("(", ")").amin(dim=1)  # scores of real samples are those of the columns
        if token == "log":
            return self.factor().log()
        if token == "σ":
            return self.bracket("(", ")").sigmoid()
        if token == "max":
            self.take("(")
            first = self.sum()
            self.take(",")
            second = self.sum()
            self.take(")")
            return torch.maximum(*torch.broadcast_tensors(first, second))
        if token in "([":
            self.tokens.insert(0, token)
            return self.bracket(token, {"(": ")", "[": "]"}[token])
        return torch.tensor(float(token), dtype=torch.float64)

    def bracket(self, opening: str, closing: str) -> Tensor:
        self.take(opening)
        value = self.sum()
        self.take(closing)
        return value
