"""What both ends of the link know of its messages."""

import builtins

__builtins__ = dict(vars(builtins))  # a copy: student code may change builtins

MOST_NESTING = 40  # callbacks in callbacks

# The special methods that a stand-in has if the student's object has them.
_SPECIAL = (
    "__call__ __len__ __length_hint__ __iter__ __next__ __reversed__ __contains__"
    " __getitem__ __setitem__ __delitem__ __enter__ __exit__"
    " __float__ __int__ __index__ __complex__ __round__ __trunc__ __floor__ __ceil__"
    " __bytes__ __array__ __neg__ __pos__ __invert__ __abs__"
    " __add__ __sub__ __mul__ __matmul__ __truediv__ __floordiv__ __mod__ __divmod__"
    " __pow__ __lshift__ __rshift__ __and__ __xor__ __or__"
    " __radd__ __rsub__ __rmul__ __rmatmul__ __rtruediv__ __rfloordiv__ __rmod__"
    " __rdivmod__ __rpow__ __rlshift__ __rrshift__ __rand__ __rxor__ __ror__"
    " __iadd__ __isub__ __imul__ __imatmul__ __itruediv__ __ifloordiv__ __imod__"
    " __ipow__ __ilshift__ __irshift__ __iand__ __ixor__ __ior__"
)
SPECIAL = _SPECIAL.split()
OPERATORS = (
    "add sub mul matmul truediv floordiv mod pow lshift rshift and_ xor or_"
    " iadd isub imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand"
    " ixor ior neg pos invert abs eq ne lt le gt ge getitem setitem delitem"
    " contains length_hint index"
)
