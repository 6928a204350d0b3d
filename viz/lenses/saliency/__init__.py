"""Attribution: what in an image spoke for an answer. The only place that knows captum.

`problem` says what is explained, `methods` is the table of computations (one function a method, in
modules by family), `lens` and `support` answer pages. Trust lenses use `problem` and `methods` for
many images at once.
"""
