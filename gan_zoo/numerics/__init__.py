"""In what arithmetic a process computes, and what makes the bits of it the same on every processor.

    reference   portable on a CPU: the same bits on every Linux x86-64 with AVX2, by AMD or Intel, whatever else it can
                do and however many threads it has; on a GPU and on other processors float32 without TF32
    exact       the same bits on any processor and GPU, by products without rounding (`gan_zoo.exact`); slower
    fast        float32 as the libraries compute it by default: fast on this processor, other bits on the next
    tf32        matrix products and convolutions on a GPU round their factors to ten bits
    bf16        the nets under autocast to bfloat16, on images with channels last; losses and penalties stay as they are

What libraries choose by processor, and what is done about it (`environment`, set before any of them is imported):

    MKL (products, exp, log, tanh, eigenvalues)   MKL_CBWR=COMPATIBLE, which AMD follows as well; it is slow in products
    products in float32                           OpenBLAS's AVX2 kernels, and oneDNN for large ones (`products`)
    square roots                                  not by MKL, whose last bit differs (`roots`)
    oneDNN, ATen's own kernels, OpenBLAS, NumPy   held to AVX2, but for oneDNN in a process that convolves nothing

What remains is that the versions of torch and NumPy are the same; `fingerprints` holds a processor to it.
"""

from typing import Literal, get_args

Numerics = Literal["reference", "exact", "fast", "tf32", "bf16"]
"""See the head of this file."""

NUMERICS: tuple[Numerics, ...] = get_args(Numerics)
