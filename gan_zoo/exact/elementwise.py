"""Elementary functions, each of separate operations that IEEE 754 defines to the last bit: +, -, *, /, round, compare.

No library function, no fused multiply-add, no reciprocal: exp, log, sin and cos are polynomials in float64, right to
about 2^-50, of which the result is rounded to float32 once. So they are within 0.51 ulp of the true value.

    exp x    = 2^n (e^(r/8))^8,   n = round(x / ln 2),  r = x - n ln 2
    log x    = e ln 2 + 2 artanh((m - 1) / (m + 1)),   x = m 2^e,  sqrt(1/2) <= m < sqrt 2
    log1p t  = 2 artanh(t / (2 + t)),   0 <= t <= 1
    sin, cos of x = k pi/2 + r: of r, swapped and signed by k mod 4
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LN2 = 0.6931471805599453
LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10  # HIGH has 32 bits: n HIGH is exact
HALF_PI_HIGH, HALF_PI_LOW = 1.5707963267341256, 6.077100506506192e-11  # HIGH has 33 bits
EXPONENT_BITS, BIAS = 52, 1023  # of a float64: the exponent begins at bit 52, and 1023 stands for 2^0

EXP = [1 / math.factorial(k) for k in range(9)]
ARTANH = [1 / (2 * k + 1) for k in range(17)]
ARTANH_NEAR = ARTANH[:10]
"""Where the argument is below 0.172, as in log."""
SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(9)]
COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(9)]


def over(x: Tensor, y: float) -> Tensor:
    """x / divisor"""
    return x / divisor(x, y)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """c_0 + c_1 x + c_2 x^2 + ... by Horner's rule."""
    result = x * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        result.add_(c).mul_(x)
    return result.add_(coefficients[0])


def sqrt(x: Tensor) -> Tensor:
    """The root, rounded right, of float32 x.

    The float64 root of a float32 lies no closer than 2^-50 to the middle between two float32: a library's float64 root,
    wrong in its last bit at times, is right after rounding.
    """
    if x.dtype != torch.float32:
        raise NotImplementedError(f"of {x.dtype}")
    return x.double().sqrt_().float()


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x)"""
    return sqrt(x).reciprocal_()


def _power_of_two(n: Tensor) -> Tensor:
    """2^n in float64 for whole n in [-1022, 1023], by its bits."""
    return (n.long() + BIAS).bitwise_left_shift_(EXPONENT_BITS).view(torch.float64)


def _exp64(x: Tensor) -> Tensor:
    """e^x of float64 x, taken to be at least -200 and at most 200."""
    x = x.clamp(-200, 200)
    n = (x * (1 / LN2)).round_()
    r = x.sub_(n * LN2_HIGH).sub_(n * LN2_LOW).mul_(0.125)
    result = _polynomial(r, EXP)
    for _ in range(3):
        result.mul_(result)
    return result.mul_(_power_of_two(n.nan_to_num_()))


def _log1p64(t: Tensor) -> Tensor:
    """log(1 + t) of float64 t in [0, 1]."""
    s = t / (t + 2)
    return _polynomial(s * s, ARTANH).mul_(s).mul_(2)


def log64(x: Tensor) -> Tensor:
    """log x of float64 x > 0 that is no denormal."""
    bits = x.contiguous().view(torch.int64)
    exponent = bits.bitwise_right_shift(EXPONENT_BITS).sub_(BIAS)
    m = x / _power_of_two(exponent)
    high = m > math.sqrt(2)
    m = torch.where(high, m * 0.5, m)
    exponent = exponent.add_(high)
    s = (m - 1).div_(m + 1)
    return (exponent.double() * LN2).add_(_polynomial(s * s, ARTANH_NEAR).mul_(s).mul_(2))


def _sigmoid64(x: Tensor) -> Tensor:
    """1 / (1 + e^-x) of float64 x."""
    e = _exp64(x.abs().neg_())
    return torch.where(x >= 0, 1, e) / (e + 1)


def _sin_cos64(x: Tensor) -> tuple[Tensor, Tensor]:
    """sin x and cos x of float64 x below a million."""
    k = (x * (2 / math.pi)).round_()
    return quarter_turns(k, x.sub(k * HALF_PI_HIGH).sub_(k * HALF_PI_LOW))


def quarter_turns(k: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
    """sin and cos of k pi/2 + r for whole k and |r| <= pi/4."""
    square = r * r
    sine, cosine = _polynomial(square, SINE).mul_(r), _polynomial(square, COSINE)
    k = k.nan_to_num().long().bitwise_and_(3)
    odd = k.bitwise_and(1) == 1
    s, c = torch.where(odd, cosine, sine), torch.where(odd, sine, cosine)
    return torch.where(k >= 2, -s, s), torch.where((k == 1) | (k == 2), -c, c)


def single(x: Tensor) -> Tensor:
    """float32 x as float64. Raises: NotImplementedError for another type, of which the result would not be right."""
    if x.dtype != torch.float32:
        raise NotImplementedError(f"of {x.dtype}")
    return x.double()


def exp(x: Tensor) -> Tensor:
    return _exp64(single(x)).float()


def log(x: Tensor) -> Tensor:
    wide = single(x)
    result = log64(torch.where((wide > 0) & wide.isfinite(), wide, 1))
    result = torch.where(wide == 0, -math.inf, torch.where(wide < 0, math.nan, result))
    return torch.where(wide.isfinite(), result, wide + math.inf).float()


def sigmoid(x: Tensor) -> Tensor:
    return _sigmoid64(single(x)).float()


def tanh(x: Tensor) -> Tensor:
    """(1 - e^-2|x|) / (1 + e^-2|x|), signed; x - x^3 / 3 where that cancels."""
    wide = single(x)
    e = _exp64(wide.abs().mul_(-2))
    far = ((1 - e) / (1 + e)).mul_(wide.sign())
    near = wide - over(wide * wide * wide, 3)
    return torch.where(wide.abs() < 2**-10, near, far).float()


def softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """log(1 + e^x) = max(x, 0) + log1p(e^-|x|)"""
    if beta != 1:
        raise NotImplementedError(f"with beta {beta}")
    wide = single(x)
    return _log1p64(_exp64(wide.abs().neg_())).add_(wide.clamp_min(0)).float()


def softplus_backward(gradient: Tensor, x: Tensor, beta: float, threshold: float) -> Tensor:
    if beta != 1:
        raise NotImplementedError(f"with beta {beta}")
    return _sigmoid64(single(x)).mul_(single(gradient)).float()


def sigmoid_backward(gradient: Tensor, y: Tensor) -> Tensor:
    return (1 - y).mul_(y).mul_(gradient)


def tanh_backward(gradient: Tensor, y: Tensor) -> Tensor:
    return (1 - y * y).mul_(gradient)


def sine(x: Tensor) -> Tensor:
    return _sin_cos64(single(x))[0].float()


def cosine(x: Tensor) -> Tensor:
    return _sin_cos64(single(x))[1].float()


def power(x: Tensor, exponent: float) -> Tensor:
    """x^exponent: products for whole exponents, the root for 1/2, else e^(exponent log x)."""
    if exponent == 2:
        return x * x
    if exponent == 0.5:
        return sqrt(x)
    wide = single(x)
    if exponent == int(exponent):
        result = whole_power(wide, abs(int(exponent)))
        return (result if exponent > 0 else result.reciprocal()).float()
    positive = wide > 0
    result = _exp64(log64(torch.where(positive & wide.isfinite(), wide, 1)).mul_(exponent)).float()
    edge = math.inf if exponent < 0 else 0.0
    result = torch.where(wide == 0, edge, torch.where(wide < 0, math.nan, result))
    return torch.where(wide.isfinite(), result, wide.float().abs() if exponent > 0 else wide.float() * 0)


def whole_power(x: Tensor, n: int) -> Tensor:
    """x^n by squaring."""
    result = torch.ones_like(x)
    while n:
        if n & 1:
            result = result * x
        x, n = x * x, n >> 1
    return result


def add(x: Tensor, y: Tensor | float, *, alpha: float = 1) -> Tensor:
    """x + alpha y, where a kernel would fuse the two operations."""
    return x + y if alpha == 1 else x + y * alpha


def add_(x: Tensor, y: Tensor | float, *, alpha: float = 1) -> Tensor:
    return x.add_(y if alpha == 1 else y * alpha)


def sub(x: Tensor, y: Tensor | float, *, alpha: float = 1) -> Tensor:
    """x - alpha y"""
    return x - y if alpha == 1 else x - y * alpha


def sub_(x: Tensor, y: Tensor | float, *, alpha: float = 1) -> Tensor:
    return x.sub_(y if alpha == 1 else y * alpha)


def rsub(x: Tensor, y: Tensor | float, *, alpha: float = 1) -> Tensor:
    """y - alpha x"""
    return y - x if alpha == 1 else y - x * alpha


def div(x: Tensor, y: Tensor | float) -> Tensor:
    """x / y"""
    return x / divisor(x, y)


def div_(x: Tensor, y: Tensor | float) -> Tensor:
    return x.div_(divisor(x, y))


def divisor(x: Tensor, y: Tensor | float) -> Tensor | float:
    """y, as a tensor on x's device where a GPU would multiply by its reciprocal."""
    if x.device.type == "cpu" or (isinstance(y, Tensor) and y.device == x.device):
        return y
    return torch.full((), float(y), dtype=x.dtype, device=x.device)


def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """x + value a b"""
    return x + (a * b).mul_(value)


def addcmul_(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    return x.add_((a * b).mul_(value))


def addcdiv(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """x + value a / b"""
    return x + (a / b).mul_(value)


def addcdiv_(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    return x.add_((a / b).mul_(value))


def lerp(x: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    """x + weight (end - x)"""
    return x + (end - x).mul_(weight)


def lerp_(x: Tensor, end: Tensor, weight: Tensor | float) -> Tensor:
    return x.add_((end - x).mul_(weight))
